// How processes and workers that hold an engine end: by themselves when nothing is pending, at once when told to, and
// without a crash whatever the engine was doing. Each case is a program of its own.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import t from "tap";
import { readTruth, writeModelFolder } from "../truth/model-folder.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const hooks = pathToFileURL(join(root, "scripts", "lib", "typescript-hooks.mjs")).href;
const model = writeModelFolder(t.testdir({}), readTruth("llama-untied"));

const setUp = `
  const { openEngine } = await import(${JSON.stringify(pathToFileURL(join(root, "src", "engine", "open.ts")).href)});
  const open = () => openEngine({ model: ${JSON.stringify(model)}, threads: 2 });
  const rows = { tokens: Int32Array.of(1, 2, 3), lengths: Int32Array.of(3) };
  const short = { prompts: rows, maxTokens: 5, seed: 1, stopTokens: [] };
  const endless = { ...short, samples: 500_000, maxTokens: 60 };
  const say = (text) => process.stdout.write(text + "\\n");
`;

interface End {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

function run(program: string, flags: string[] = []): Promise<End> {
  return new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(process.execPath, [`--import=${hooks}`, ...flags, "--input-type=module", "-e", setUp + program], { cwd: root, timeout: 120_000, killSignal: "SIGKILL" });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.once("close", (status, signal) => resolve({ status, signal, stdout, stderr, seconds: (performance.now() - start) / 1000 }));
  });
}

const cases: { name: string; program: string; flags?: string[]; says: string; status?: number }[] = [
  {
    name: "an engine that nobody disposes does not keep the process alive",
    program: `const engine = await open(); say("tokens " + (await engine.generate(short)).completions.tokens.length);`,
    says: "tokens 5\n",
  },
  {
    name: "a pending call does",
    program: `const engine = await open(); engine.generate({ ...short, samples: 2000 }).then((result) => say("rows " + result.stopped.length));`,
    says: "rows 2000\n",
  },
  {
    name: "disposal as `await using` does it, then the end",
    program: `const engine = await open(); await engine.generate(short); await engine[Symbol.asyncDispose](); say("disposed");`,
    says: "disposed\n",
  },
  {
    name: "process.exit in the middle of a call",
    program: `const engine = await open(); engine.generate(endless).catch(() => {}); engine.score({ sequences: rows }).catch(() => {});
      setTimeout(() => { say("leaving"); process.exit(3); }, 200);`,
    says: "leaving\n",
    status: 3,
  },
  {
    name: "an uncaught error in the middle of a call",
    program: `const engine = await open(); engine.generate(endless).catch(() => {}); setTimeout(() => { say("failing"); throw new Error("on purpose"); }, 200);`,
    says: "failing\n",
    status: 1,
  },
  {
    name: "engines that are collected as garbage, idle and with a call pending",
    program: `
      const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      for (let i = 0; i < 5; i++) await (await open()).generate(short);
      const pending = (await open()).generate(short);
      for (let i = 0; i < 10; i++) { globalThis.gc(); await sleep(10); }
      say("tokens " + (await pending).completions.tokens.length);
      globalThis.gc(); await sleep(10);`,
    flags: ["--expose-gc"],
    says: "tokens 5\n",
  },
  {
    name: "a worker that is terminated in the middle of a call, while the main thread's engine works",
    program: `
      const { Worker } = await import("node:worker_threads");
      const engine = await open();
      // Hooks that were registered in the main thread do not reach a worker's imports.
      const code = 'import { register } from "node:module"; import { parentPort } from "node:worker_threads"; register(' + ${JSON.stringify(JSON.stringify(hooks))} + ");" + ${JSON.stringify(setUp)} +
        'const engine = await open(); engine.generate(endless).catch(() => {}); setTimeout(() => parentPort.postMessage("started"), 100);';
      for (let i = 0; i < 2; i++) {
        const worker = new Worker(code, { eval: true });
        await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
        const [result] = await Promise.all([engine.generate(short), worker.terminate()]);
        say("tokens " + result.completions.tokens.length);
      }
      await engine.dispose();`,
    says: "tokens 5\ntokens 5\n",
  },
];

for (const { name, program, flags, says, status = 0 } of cases) {
  t.test(name, async (t) => {
    const end = await run(program, flags);
    t.equal(end.stdout, says);
    t.equal(end.signal, null, end.stderr);
    t.equal(end.status, status, end.stderr);
    t.ok(end.seconds < 100, `took ${end.seconds} s`);
  });
}

// Memory in megabytes, threads and descriptors after each tenth of so many engines that are opened, used and disposed of.
const cycles = (folder: string, count: number): string => `
  const { readdirSync } = await import("node:fs");
  const { openEngine: openAgain } = await import(${JSON.stringify(pathToFileURL(join(root, "src", "engine", "open.ts")).href)});
  for (let cycle = 1; cycle <= ${count}; cycle++) {
    const engine = await openAgain({ model: ${JSON.stringify(folder)}, threads: 2 });
    await engine.generate({ ...short, samples: 8 });
    await engine.dispose();
    if (cycle % ${count / 10} !== 0) continue;
    for (let i = 0; i < 3; i++) { globalThis.gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
    say([process.memoryUsage.rss() / 1e6, readdirSync("/proc/self/task").length, readdirSync("/proc/self/fd").length].join(" "));
  }`;

for (const [folder, count] of [[model, 200], ["seedling", 30]] as const) {
  t.test(`${count} engines one after another leave nothing behind (${folder === model ? "tiny model" : folder})`, async (t) => {
    const end = await run(cycles(folder, count), ["--expose-gc"]);
    t.equal(end.status, 0, end.stderr);
    const seen = end.stdout.trim().split("\n").map((line) => line.split(" ").map(Number) as [megabytes: number, threads: number, descriptors: number]);
    t.equal(seen.length, 10);
    const warm = seen[1]!; // what is loaded and compiled once is there by now
    const last = seen.at(-1)!;
    t.ok(last[0] < warm[0] + 8, `megabytes: ${seen.map(([megabytes]) => megabytes.toFixed(1)).join(", ")}`);
    t.equal(last[1], warm[1], "threads");
    t.equal(last[2], warm[2], "descriptors");
  });
}
