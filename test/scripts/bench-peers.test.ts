// The benchmark beside peers: who decodes when, what the figures are made of, and that a missing peer is named. Peers are stood in for by functions
// here, and by a program that answers as they do.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
// @ts-expect-error a script without types
import { compare, markdown, sit, spread } from "../../scripts/bench-peers/peers.mjs";

const script = join(import.meta.dirname, "..", "..", "scripts", "bench-peers", "run.mjs");

interface FakeRow {
  batch: number;
  shared: boolean;
  rate: number;
}
const around = (rate: number) => ({ median: rate, low: rate - 1, high: rate + 1 });
const answerOf = (rows: FakeRow[], more: object = {}) => ({
  version: "9.9",
  gigaflops: 100,
  gigabytesPerSecond: 10,
  sharedPrompt: { samples: 8, promptTokens: 512, newTokens: 32, timesTogether: around(4), timesOneByOne: around(5) },
  rows: rows.map(({ batch, shared, rate }) => ({ batch, shared, promptTokens: 16, tokensPerSecond: rate, spread: around(rate), wholeTokensPerSecond: rate / 2, ...more })),
});

t.test("spread", async (t) => {
  t.same(spread([3, 1, 2]), { median: 2, low: 1, high: 3 });
  t.same(spread([4, 1, 2, 3]), { median: 2, low: 1, high: 4 });
});

t.test("sittings alternate, and are compared sitting by sitting", async (t) => {
  const order: string[] = [];
  const told: unknown[] = [];
  const ours = [100, 300, 200];
  const theirs = [50, 100, 400];
  const rows = (rate: number): FakeRow[] => [{ batch: 1, shared: false, rate }, { batch: 8, shared: true, rate: 2 * rate }];
  const limits = { limitTokensPerSecond: 1000, limitedBy: "memory" };
  const answers = await sit({
    sittings: 3,
    peers: [
      { name: "azr", run: async () => answerOf(rows(ours[order.length >> 1]!), limits) },
      {
        name: "llama.cpp",
        run: async (settings: unknown) => {
          told.push(settings);
          return answerOf(rows(theirs[(order.length - 1) >> 1]!), { setting: { threads: 2 } });
        },
      },
    ].map(({ name, run }) => ({ name, run: async (settings: unknown) => run(settings).finally(() => order.push(name)) })),
  });
  t.same(order, ["azr", "llama.cpp", "azr", "llama.cpp", "azr", "llama.cpp"]);
  t.same(told, [null, [{ threads: 2 }, { threads: 2 }], [{ threads: 2 }, { threads: 2 }]], "settings are chosen in the first sitting");
  const compared = compare(answers);
  t.match(compared[0], {
    batch: 1,
    azr: { median: 200, low: 99, high: 301, wholeTokensPerSecond: 100 },
    shareOfLimit: { median: 0.2 },
    peers: { "llama.cpp": { median: 100, low: 49, high: 401, setting: { threads: 2 }, times: { median: 2, low: 0.5, high: 3 } } },
  });
  t.match(compared[1], { shared: true, azr: { median: 400 } });
  const text = markdown({ weights: "q8", file: "m.q8.gguf", answers, rows: compared, missing: ["transformers; give --python"] });
  t.match(text, /^q8: m\.q8\.gguf\n\n\| rows +\| azr +\| of the limit +\| llama\.cpp +\| azr is times as fast +\|\n\|-+\|/);
  t.match(text, /\| 1 +\| 200 \(99 to 301\) +\| 20 % \(memory\) \| 100 \(49 to 401\) +\| 2\.00 \(0\.50 to 3\.00\) +\|/);
  t.match(text, /8 samples of one prompt of 16: azr 200, llama\.cpp 100 tokens\/s/);
  t.match(text, /4\.00 \(3\.00 to 5\.00\) times as fast as with 8 prompts in one call, and 5\.00/);
  t.match(text, /llama\.cpp is 9\.9; best with 1: threads 2/);
  t.ok(text.endsWith("Missing: transformers; give --python."));
});

t.test("the command line", async (t) => {
  const run = async (args: string[]) =>
    promisify(execFile)(process.execPath, [script, ...args]).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );
  const help = await run(["--help"]);
  t.equal(help.code, 0);
  for (const word of ["--model", "--python", "--llama-python", "--weights", "pip install transformers", "GGML_NATIVE"]) t.ok(help.stdout.includes(word), word);
  t.match(await run([]), { code: 2, stderr: /^--model is missing\.\n/ });
  t.match(await run(["--model", script, "--weights", "f8"]), { code: 2, stderr: /^--weights takes/ });
  t.match(await run(["--model", script, "--rounds", "0"]), { code: 2, stderr: /^--rounds takes/ });
  t.match(await run(["--model", script, "--python", "/no/python"]), { code: 2, stderr: /^There is no \/no\/python/ });
});

t.test("files are made once, and each peer is started on them", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "azr-peers-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const log = join(folder, "log");
  const fake = join(folder, "python");
  const rows = [{ batch: 1, shared: false, rate: 10 }];
  writeFileSync(
    fake,
    `#!${process.execPath}
const { appendFileSync, copyFileSync } = require("node:fs");
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(log)}, JSON.stringify([require("node:path").basename(args[0]), ...args.slice(1)]) + "\\n");
if (args[0].endsWith("requantize.py")) copyFileSync(args[1], args[2]);
else console.log(${JSON.stringify(JSON.stringify(answerOf(rows, { setting: { threads: 1 }, limitTokensPerSecond: 20, limitedBy: "memory" })))});
`,
    { mode: 0o755 },
  );
  const model = join(folder, "tiny.gguf");
  writeFileSync(model, "not read by anybody here");
  const args = [script, "--model", model, "--files", join(folder, "files"), "--python", fake, "--llama-python", fake, "--azr", fake, "--sittings", "1", "--threads", "1"];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, "--batches", "1", "--shared-samples", "0"]);
  const calls = readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line) as string[]);
  const file = (weights: string): string => join(folder, "files", `tiny.${weights}.gguf`);
  t.same(calls.filter(([name]) => name === "requantize.py").map((call) => call.slice(1)), ["f32", "bf16", "q8"].map((weights) => [model, file(weights), weights]));
  t.same(calls.filter(([name]) => name === "bench").map((call) => [call[call.indexOf("--model") + 1], call[call.indexOf("--weights") + 1]]), ["f32", "bf16", "q8"].map((weights) => [file(weights), weights]));
  t.same(calls.filter(([name]) => name === "decode_transformers.py").map((call) => call.slice(1, 3)), ["f32", "bf16"].map((weights) => [file(weights), weights]));
  t.same(calls.filter(([name]) => name === "decode_llama.py").map((call) => call[1]), ["f32", "bf16", "q8"].map(file));
  t.match(stdout, /Missing: transformers, which computes with no such weights on a CPU\.\n$/);
  t.equal(stdout.match(/^\| 1 /gm)!.length, 3);
  const again = JSON.parse((await promisify(execFile)(process.execPath, [...args, "--weights", "q8", "--json"])).stdout) as { type: string; comparisons: { weights: string; missing: string[] }[] };
  t.match(again, { type: "bench-peers", comparisons: [{ weights: "q8", rows: [{ peers: { "llama.cpp": { median: 10 } } }] }] });
  const later = readFileSync(log, "utf8").trim().split("\n").slice(calls.length).map((line) => (JSON.parse(line) as string[])[0]);
  t.same(later, ["bench", "decode_llama.py"], "the file is there");
});
