// Deaths from outside, with real processes: the supervisor, the process that has the executor, zygotes, children. What belongs to a dead one is
// gone within a second, what was asked is answered rightly, and nothing is counted as a run's own fault. (protocol.test.ts: the client alone.)
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { RunRequest } from "../../src/executor/executor.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { nativeMissing, supervisorsOf } from "./support/native.ts";
import { descriptorsOf, goneAfter, isZygote, processesBelow, processRecord, until, type ProcessRecord } from "./support/processes.ts";

if (nativeMissing !== false) {
  t.plan(0, nativeMissing);
  process.exit(0);
}

const executor = await openExecutor({ workers: 2 });
t.teardown(() => executor.dispose());
const supervisor = (): number => supervisorsOf()[0]!;
const zygotes = (): ProcessRecord[] => processesBelow(supervisor()).filter(isZygote);
/** Runs that have used 40 ms and more: no self-test of a new zygote is among them. */
const longRuns = (): ProcessRecord[] => processesBelow(supervisor()).filter((one) => !isZygote(one) && one.ticks >= 4);

const common = "def f(x): return sorted({x, x + 1}), sum(range(x))";
const whole = "import random\ndef f(x): return random.Random(x).randint(0, 9) >= 0, x";
const loop = "def f(x):\n    while True: pass";
/** A third of a second of work. */
const long = "def f(x):\n    n = 0\n    while n < 6_000_000: n += 1\n    return x + n";

/** Both libraries' zygotes are there, and everything that a process of ours opens once is open. */
async function settled(): Promise<{ zygotes: number; supervisor: number; node: number; children: number }> {
  for (const program of [common, whole]) await executor.run({ program, inputs: ["1"], determinism: "full" });
  await until("all ten zygotes to rest", () => zygotes().length === 10 && processesBelow(supervisor()).length === 10);
  await delay(20);
  return { zygotes: zygotes().length, supervisor: descriptorsOf(supervisor()), node: descriptorsOf(process.pid), children: supervisorsOf().length };
}

const before = await settled();
const layers = executor.stats().layers;

t.test("the supervisor, twice in one batch", async (t) => {
  let answered = 0;
  const ask = async (request: RunRequest) => {
    const { runs: [run], deterministic } = await executor.run(request);
    answered += 1;
    return [run!.outcome, run!.value ?? null, deterministic];
  };
  const requests = Array.from({ length: 200 }, (_, index): [RunRequest, unknown[]] => {
    if (index % 50 === 5) return [{ program: loop, inputs: ["1"], limits: { cpuMs: 1000 } }, ["time-limit", null, null]];
    if (index % 50 === 6) return [{ program: "def f(x): return [0] * 10 ** 10", inputs: ["1"] }, ["memory-limit", null, null]];
    const checked = index % 4 === 0;
    const program = `${index % 3 === 0 ? "import random\n" : ""}def f(x): return sum(range(x)) + ${index}`;
    return [{ program, inputs: ["20000"], determinism: checked ? "full" : "once" }, ["ok", String(199990000 + index), checked ? true : null]];
  });
  const batch = Promise.all(requests.map(([request]) => ask(request)));
  for (const after of [30, 100]) {
    await until(`${after} answers and a loop`, () => answered >= after && longRuns().length > 0);
    const first = supervisor();
    const all = [processRecord(first)!, ...processesBelow(first)];
    process.kill(first, "SIGKILL");
    const gone = await goneAfter(all);
    t.ok(Number(gone) < 1000, `${all.length} processes, ${all.filter((one) => !isZygote(one)).length} of them runs, gone after ${gone} ms`);
    await until("another supervisor", () => supervisor() !== undefined && supervisor() !== first);
  }
  t.same(await batch, requests.map(([, wanted]) => wanted), "every answer right");
  t.equal(executor.stats().sandboxErrors, 0);
  t.same(executor.stats().layers, layers, "the new supervisor has the layers of the first");
  t.same(await settled(), before, "as many processes and descriptors as before");
});

t.test("each zygote under load, and some that stand still", async (t) => {
  const first = supervisor();
  let [done, runs] = [false, 0];
  const wrong: unknown[] = [];
  const lane = async (number: number): Promise<void> => {
    for (let turn = 0; !done; turn += 1) {
      const x = number * 1000 + turn;
      const odd = turn % 2 === 1;
      const result = await executor.run({ program: odd ? whole : common, inputs: [String(x)], determinism: "full" });
      const value = odd ? `(True, ${x})` : `([${x}, ${x + 1}], ${(x * (x - 1)) / 2})`;
      if (result.runs[0]!.value !== value || result.deterministic !== true) wrong.push(result);
      runs += 1;
    }
  };
  const lanes = Promise.all(Array.from({ length: 12 }, (_, number) => lane(number)));
  const all = zygotes();
  const [stopped, killed] = [[all[0]!, all[9]!], all.slice(1, 9)];
  const began = performance.now();
  for (const { pid } of stopped) process.kill(pid, "SIGSTOP");
  for (const { pid } of killed) {
    process.kill(pid, "SIGKILL");
    await delay(40);
  }
  t.equal(typeof (await goneAfter(killed)), "number", "those killed are reaped");
  t.equal(typeof (await goneAfter(stopped)), "number", `those that stood still were replaced after ${Math.round(performance.now() - began)} ms`);
  const [at, others] = [runs, await until("ten others", () => zygotes().length === 10)];
  await until("work for the new ones", () => others && runs > at + 24);
  done = true;
  await lanes;
  t.same(wrong, [], `${runs} programs checked on four variants each, all right`);
  t.equal(executor.stats().sandboxErrors, 0);
  t.equal(supervisor(), first, "the same supervisor");
  t.same(await settled(), before, "as many processes and descriptors as before");
});

t.test("a run killed or stopped from outside is run again", async (t) => {
  const first = supervisor();
  for (const [kills, errors] of [[1, 0], [2, 0], [4, 1]] as const) {
    const counted = executor.stats().sandboxErrors;
    const answer = executor.run({ program: long, inputs: [String(kills)] });
    for (let kill = 0; kill < kills; kill += 1) {
      const victim = await until("a run", () => longRuns()[0]);
      process.kill(victim.pid, "SIGKILL");
      t.equal(typeof (await goneAfter([victim])), "number");
    }
    t.match(await answer, { runs: [{ outcome: "ok", value: String(6_000_000 + kills) }] }, `${kills} kills`);
    t.equal(executor.stats().sandboxErrors - counted, errors, "three in a row are one failure of the sandbox");
  }
  const stopped = executor.run({ program: long, inputs: ["0"], limits: { wallMs: 300 } });
  process.kill((await until("a run", () => longRuns()[0])).pid, "SIGSTOP");
  t.match(await stopped, { runs: [{ outcome: "ok", value: "6000000" }] }, "one that stands still");

  let killing = true;
  const hopeless = t.rejects(executor.run({ program: long, inputs: ["1"] }), { code: "AZR_EXECUTOR_FAILED" }, "killed each time: an error, and no verdict");
  const killer = (async () => {
    for (; killing; await delay(5)) for (const { pid } of longRuns()) process.kill(pid, "SIGKILL");
  })();
  await hopeless;
  killing = false;
  await killer;
  t.equal(supervisor(), first, "the same supervisor");
  t.same(await settled(), before, "as many processes and descriptors as before");
});

t.test("zygotes while they start, and the children that test the sandbox", async (t) => {
  const first = supervisor();
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
    const began = performance.now();
    const opening = openExecutor({ workers: 1 });
    const zygote = await until("a zygote of another supervisor", () => supervisorsOf().filter((pid) => pid !== first).flatMap((pid) => processesBelow(pid)).find(isZygote));
    process.kill(zygote.pid, signal);
    const other = await opening;
    t.ok(performance.now() - began < 30_000, `${signal} to a zygote that starts: ready after ${Math.round(performance.now() - began)} ms`);
    t.match(await other.run({ program: common, inputs: ["1"], determinism: "full" }), { runs: [{ outcome: "ok" }], deterministic: true });
    await other.dispose();

    // Such a child lives for a millisecond or two, so that not each look finds one.
    let hit = 0;
    for (let tries = 0; hit === 0 && tries < 20; tries += 1) {
      const [victim, ...rest] = zygotes();
      process.kill(victim!.pid, "SIGKILL");
      let quiet = 0;
      await until("a new zygote at rest", () => {
        const all = processesBelow(first);
        // Some are gone by now; those of a zygote are of its warming up.
        const [child] = all.filter((one) => !isZygote(one) && processRecord(one.pid)?.started === one.started && one.state !== "Z");
        if (child !== undefined && (hit === 0 || child.parent !== first)) {
          process.kill(child.pid, signal);
          if (child.parent === first) hit = 1;
        }
        quiet = all.length === rest.length + 1 && all.every((one) => isZygote(one) && one.state === "S") ? quiet + 1 : 0;
        return quiet > 50;
      });
    }
    t.equal(hit, 1, `${signal} to a child of the self-test`);
    t.match(await executor.run({ program: common, inputs: ["1"], determinism: "full" }), { runs: [{ outcome: "ok" }], deterministic: true });
    t.equal(supervisor(), first, "the same supervisor");
  }
  t.same(await settled(), before, "as many processes and descriptors as before");
});

t.test("the process that has the executor", async (t) => {
  const script = fileURLToPath(new URL("./support/doomed-batch.ts", import.meta.url));
  for (const stopFirst of [false, true]) {
    const child = spawn(process.execPath, [...process.execArgv, script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const all = await until("two loops", () => {
      const below = processesBelow(child.pid!);
      return below.filter((one) => !isZygote(one) && one.ticks >= 4).length >= 2 && below;
    });
    if (stopFirst) {
      child.kill("SIGSTOP");
      await delay(400);
      all.push(...processesBelow(child.pid!));
    }
    child.kill("SIGKILL");
    const gone = await goneAfter(all);
    t.ok(Number(gone) < 1000, `${stopFirst ? "stopped, then killed" : "killed"}: ${all.length} processes gone after ${gone} ms`);
    // Until its own end is through, what it leaves may still be counted as its.
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    t.same(processesBelow(child.pid!), []);
  }
  t.same(await settled(), before, "ours has noticed nothing");
});
