// examples/curated-tasks.ts as it stands, against the sources: it ends, and both ways of training on the file make more answers right.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";
import { root } from "../lint/source-tree.ts";
import { noEngine, noExecutor } from "../cli/harness.ts";

t.test("the example", { skip: noExecutor() ?? noEngine() ?? false, timeout: 300_000 }, async (t) => {
  const dir = t.testdir({});
  const text = readFileSync(join(root, "examples/curated-tasks.ts"), "utf8");
  const script = join(dir, "example.ts");
  writeFileSync(script, text.replaceAll('"absolute-zero"', JSON.stringify(pathToFileURL(join(root, "src/index.ts")).href)));
  const child = spawn(process.execPath, [...process.execArgv, script], { env: { ...process.env, TMPDIR: dir, TASKS: join(root, "examples/curated-tasks.jsonl") }, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].setEncoding("utf8").on("data", (chunk: string) => (texts[name] += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  t.equal(code, 0, texts.stderr);
  const share = (name: string) => Number(new RegExp(`^${name}.*: ([\\d.]+)% of`, "m").exec(texts.stdout)?.[1]);
  const [before, reinforced, filtered] = [share("seedling"), share("reinforced"), share("filtered")];
  t.ok(reinforced > before && filtered > before, texts.stdout);
  t.equal([...texts.stdout.matchAll(/^step \d: solve rates deduction 0\.\d\d, /gm)].length, 8);
});
