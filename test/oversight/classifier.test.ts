// The place for a classifier: a function, an endpoint, what their failures do, and that a resumed run uses the scores that were written down.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import t from "tap";
import { classifierMonitor, spread } from "../../src/oversight/classifier.ts";
import { httpClassifier } from "../../src/oversight/http-classifier.ts";
import type { Looked } from "../../src/oversight/monitor.ts";
import { failingDisk } from "../../src/testing/index.ts";
import { lines, resultFiles, resumeFake, trainFake } from "../run/support/fake-run.ts";
import { rollout, task } from "./support/rollouts.ts";
import { audit, findings, watch } from "./support/watched-run.ts";

t.test("scores become a finding; each text is asked for once, at most so many", async (t) => {
  const asked: string[] = [];
  const monitor = classifierMonitor((texts) => (asked.push(...texts), texts.map((text) => (text === "bad" ? 0.9 : 0.1))), { threshold: 0.5, texts: 3 });
  const rollouts = ["good", "bad", "bad", "fine"].map((thought, at) => rollout({ thought, task: task(`t${at}`) }));
  const { finding } = (await monitor.beforeUpdate!({ step: 1, rollouts }, undefined)) as Looked;
  t.same(asked, ["good", "bad", "fine"]);
  t.match(finding, { message: "The classifier scored 2 completions at least 0.5", rollouts: [1, 2], tasks: ["t1", "t2"] });
  t.same(spread(10, 4), [0, 2, 5, 7]);
  t.same(spread(2, 4), [0, 1]);
  await t.rejects(async () => classifierMonitor(() => [0.1], { threshold: 0.5, texts: 9 }).beforeUpdate!({ step: 1, rollouts }, undefined), { code: "AZR_OVERSIGHT" }, "a score is missing");
});

type Handler = (texts: string[], response: ServerResponse) => void;

async function serve(handle: Handler) {
  const requests: string[][] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { texts } = JSON.parse(body) as { texts: string[] };
      requests.push(texts);
      handle(texts, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => (server.closeAllConnections(), server.close()) };
}
const scores = (of: (text: string) => number): Handler => (texts, response) => void response.end(JSON.stringify({ scores: texts.map(of) }));

t.test("an endpoint: requests of 64 texts, and its failures", async (t) => {
  const good = await serve(scores((text) => Number(text) / 200));
  t.teardown(good.close);
  const classify = httpClassifier({ url: good.url, timeoutSeconds: 5 });
  const texts = Array.from({ length: 150 }, (_, at) => String(at));
  t.same(await classify(texts, {}), texts.map((text) => Number(text) / 200));
  t.same(good.requests.map(({ length }) => length), [64, 64, 22]);
  for (const [what, handle, message] of [
    ["another status", (_texts, response) => void response.writeHead(500).end("no"), /status 500/],
    ["no JSON", (_texts, response) => void response.end("no"), /no JSON/],
    ["a score too few", (these, response) => void response.end(JSON.stringify({ scores: these.slice(1).map(() => 0) })), /one score from 0 to 1 for each of 2 texts/],
    ["a score out of range", (these, response) => void response.end(JSON.stringify({ scores: these.map(() => 7) })), /one score from 0 to 1/],
    ["a redirection", (_texts, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), /./],
    ["an endless answer", (_texts, response) => void response.end("x".repeat(2 << 20)), /longer than 1 MiB/],
    ["silence", () => undefined, /./],
  ] as [string, Handler, RegExp][]) {
    const bad = await serve(handle);
    await t.rejects(httpClassifier({ url: bad.url, timeoutSeconds: 0.5 })(["a", "b"], {}), { code: "AZR_OVERSIGHT", message, hint: /onFailure=skip/ }, what);
    bad.close();
  }
});

t.test("a run with an endpoint; one that is out of order is skipped, or ends the run", async (t) => {
  const parent = t.testdir({});
  let broken = false;
  const server = await serve((texts, response) => (broken ? void response.writeHead(503).end() : scores((text) => (text.includes("return a * ") ? 0.8 : 0))(texts, response)));
  t.teardown(server.close);
  const oversight = { classifier: { url: server.url, threshold: 0.7 } };
  const { events } = await watch(join(parent, "a"), { config: { steps: 2, oversight } });
  const found = findings(events).filter(({ rule }) => rule === "classifier");
  t.ok(found.length > 0 && found.every(({ examples }) => examples.every(({ text }) => text.includes("return a * "))));
  broken = true;
  const skipped = await watch(join(parent, "b"), { config: { steps: 2, oversight } });
  t.match(skipped.result, { status: "finished" });
  t.match(skipped.events.filter(({ type }) => type === "warning"), [{ code: "CLASSIFIER_FAILED", message: /status 503; step 1 goes without its scores/ }, { message: /step 2/ }]);
  const stopped = await watch(join(parent, "c"), { config: { steps: 2, oversight: { classifier: { ...oversight.classifier, onFailure: "stop" } } } });
  t.match(stopped.error, { code: "AZR_OVERSIGHT", message: /status 503/ });
  t.throws(() => trainFake("x", { oversight: { classifier: { url: "file:///etc/passwd" } } }), { code: "AZR_CONFIG_INVALID", message: /http or https/ });
});

t.test("scores that change from call to call: a run that is broken off and goes on uses those that were written down", async (t) => {
  t.testdir({});
  const config = { steps: 6, run: { checkpointEvery: 3, name: "run" }, oversight: { levels: { classifier: "quarantine" as const } } };
  const called: number[] = [];
  // Another answer for each call: only what was written down makes the second sitting equal to the first.
  const moody = () => (texts: readonly string[], { step }: { step: number }) => (called.push(step), texts.map((_, at) => (at % 40 === called.length % 7 ? 1 : 0)));
  const parent = join(t.testdirName, "run1");
  let bytes = 0;
  for (bytes = 150_000; ; bytes += 40_000) {
    called.length = 0;
    const dir = join(parent, String(bytes));
    await trainFake(dir, config, { classifier: moody(), disk: failingDisk({ bytes, as: "dead" }) }).result.catch(() => undefined);
    if (called.includes(5) || bytes > 800_000) break;
  }
  const dir = join(parent, String(bytes), "run");
  const before = [...called];
  t.ok(before.includes(5) && !before.includes(6), `broken off in step ${before.at(-1)}`);
  const log = (await audit(dir)).filter(({ type, step }) => type === "finding" && step <= 5);
  await resumeFake(dir, { classifier: moody() }).result;
  const again = called.slice(before.length);
  const recorded = (await lines<{ call: string; step: number }>(join(dir, "journal.jsonl"))).filter(({ call }) => call === "classify");
  t.ok(again.every((step) => !recorded.some((entry) => before.includes(step) && entry.step === step && again.filter((one) => one === step).length > 1)), "no step is asked for twice");
  t.equal(new Set(recorded.map(({ step }) => step)).size, recorded.length, "one line a step");
  const after = (await audit(dir)).filter(({ type, step }) => type === "finding" && step <= 5);
  t.same(after.slice(0, log.length), log, "what was found is what was found before");
  t.equal((await lines(join(dir, "metrics.jsonl"))).length, 6);
  t.ok(Object.keys(await resultFiles(dir)).length > 5);
});
