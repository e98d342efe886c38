// `azr sft` from its arguments to its last line: the plan, a run as text and as JSON lines, going on with it, and mistakes. (openEngine runs in the command.)
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { nativeFolder } from "../../scripts/native-location.mjs";
import { azr } from "../cli/harness.ts";
import { exampleRows } from "./support/recipe.ts";

const addon = join(nativeFolder(), "azr.node");
const skip = !existsSync(addon) && `${addon} not built: npm run build makes it`;
const folder = t.testdir({});
const path = join(folder, "rows.jsonl");
writeFileSync(path, exampleRows(120).map((row) => `${JSON.stringify(row)}\n`).join("") + '{"prompt":"<|input|>1","response":""}\n');
const common = ["--data", path, "--epochs", "2", "--set", "update.batchTokens=1500", "--set", "data.empty=drop", "--set", "engine.threads=1", "--set", `run.dir=${folder}`];

t.test("the plan", async (t) => {
  const { code, stdout } = await azr(["sft", ...common, "--validation", path, "--dry-run"]);
  t.equal(code, 0);
  const rows = "120 rows, 2,141 tokens, 618 of them trained";
  t.equal(
    stdout.replaceAll(folder, ".").replace(/^memory: \d+\.\d MB for (.*) \(weights 3\.1 MB, .*\)$/m, "memory: $1"),
    `./rows.jsonl: ${rows}, longest row 30
./rows.jsonl: 120 rows to measure on
note: ./rows.jsonl: 1 rows with nothing to train were left out
note: ./rows.jsonl: 1 rows with nothing to train were left out
data: ${rows}; 120 rows held out
steps: 3
memory: 780,800 parameters
`,
    "the plan",
  );
  const json = await azr(["sft", ...common, "--dry-run", "--json"]);
  t.match(JSON.parse(json.stdout), { type: "dry-run", plan: { steps: 3, rows: 120 }, config: { epochs: 2 }, origins: { epochs: "argument", "update.batchTokens": "--set", seed: "default" } });
  writeFileSync(join(folder, "warm-up.json"), JSON.stringify({ data: { files: [{ path: "rows.jsonl" }], empty: "drop" }, epochs: 3, update: { batchTokens: 1500 } }));
  const file = await azr(["sft", "warm-up.json", "--epochs", "2", "--dry-run", "--json"], folder);
  t.match(JSON.parse(file.stdout), { plan: { steps: 3 }, config: { data: { files: [{ path, weight: 1 }] } }, origins: { epochs: "argument", "data.empty": `file ${join(folder, "warm-up.json")}` } });
  const weighted = await azr(["sft", "--data", `${path}=0.5`, "--set", "data.empty=drop", "--dry-run", "--json"]);
  t.match(JSON.parse(weighted.stdout), { config: { data: { files: [{ path, weight: 0.5 }] } } });
});

t.test("a run, and going on with it", { skip, timeout: 300_000 }, async (t) => {
  const first = await azr(["sft", ...common, "--set", "run.name=first", "--set", "validation.share=0.1"]);
  t.equal(first.code, 0, first.stderr);
  t.equal(first.stdout, `${join(folder, "first", "model")}\n`);
  t.match(first.stderr, /seedling: 0\.8 million parameters, seed 0, 3 steps/);
  t.match(first.stderr, /warning: .*rows\.jsonl: 1 rows with nothing to train were left out/);
  t.match(first.stderr, /step 3\/3  loss \d+\.\d{4}  held out \d+\.\d{4}  [\d.]+k? tokens\/s  0:00 left/);
  t.match(first.stderr, /best held-out loss: \d+\.\d{4} after step 3/);
  const again = await azr(["resume", join(folder, "first"), "--json"]);
  t.equal(again.code, 0, again.stderr);
  const lines = again.stdout.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(lines[0], { type: "run-start", method: "sft", resumedFrom: 3 });
  t.match(lines.at(-1), { type: "sft-result", status: "finished", step: 3, run: join(folder, "first"), model: join(folder, "first", "model") });
  const json = await azr(["sft", ...common, "--set", "run.name=second", "--steps", "2", "--json", "--out", join(folder, "out")]);
  t.match(JSON.parse(json.stdout.trim().split("\n").at(-1)!), { type: "sft-result", step: 2, model: join(folder, "out") });
  t.ok(existsSync(join(folder, "out", "model.safetensors")));
  const exported = await azr(["export", join(folder, "second"), "--out", join(folder, "exported"), "--threads", "1"]);
  t.equal(exported.code, 0, exported.stderr);
});

t.test("mistakes", async (t) => {
  const cases: [args: string[], code: number, said: RegExp][] = [
    [["sft"], 2, /AZR_CONFIG_INVALID: There is nothing to train on/],
    [["sft", "--data", join(folder, "none.jsonl"), "--dry-run"], 2, /none\.jsonl cannot be read/],
    [["sft", "--data", path], 2, /rows\.jsonl:121: nothing in it is trained[^]*data\.empty=drop/],
    [["sft", "--data", path, "--set", "update.lerningRate=1"], 2, /did you mean `update\.learningRate`/],
    [["sft", "--data", path, "--epochs", "0"], 2, /above 0/],
    [["sft", "--data", path, "--model", join(folder, "nothing")], 5, /AZR_MODEL_NOT_FOUND/],
    [["sft", join(folder, "none.json")], 2, /AZR_CONFIG_NOT_FOUND/],
  ];
  for (const [args, code, said] of cases) {
    const result = await azr(args);
    t.equal(result.code, code, args.join(" "));
    t.match(result.stderr, said);
    t.equal(result.stdout, "");
  }
});
