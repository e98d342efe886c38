// Command lines that cannot be carried out: exit codes, and what the user is told, as text and as JSON.
import { join } from "node:path";
import t from "tap";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { azr, jsonLines } from "./harness.ts";

t.test("mistakes on the command line", async (t) => {
  const cases: { args: string[]; code: number; says: RegExp }[] = [
    { args: ["demo", "--sed", "3"], code: 2, says: /Unknown option '--sed'.*--seed/ },
    { args: ["frobnicate"], code: 2, says: /Unknown command 'frobnicate'/ },
    { args: ["trian"], code: 2, says: /Did you mean train/ },
    { args: ["train", "--steps", "x"], code: 2, says: /--steps.*whole number of at least 0/ },
    { args: ["train", "--steps", "-1"], code: 2, says: /whole number of at least 0/ },
    { args: ["train", "--preset", "huge"], code: 2, says: /preset: takes demo, .*, got "huge"/ },
    { args: ["train", "--set", "updat.learningRate=3"], code: 2, says: /AZR_CONFIG_INVALID.*did you mean `update`/ },
    { args: ["train", "nowhere.json"], code: 2, says: /AZR_CONFIG_NOT_FOUND/ },
    { args: ["generate", "--prompt", "a", "--top-p", "1.5"], code: 2, says: /a number above 0 and at most 1/ },
    { args: ["generate", "--prompt", "a", "--top-p", "0"], code: 2, says: /above 0 and at most 1/ },
    { args: ["generate", "--prompt", "a", "--repetition-penalty", "0"], code: 2, says: /a number above 0/ },
    { args: ["generate"], code: 2, says: /--prompt/ },
    // The misspelt option is named, not the one that is missing because of it.
    { args: ["generate", "--promt", "a"], code: 2, says: /Unknown option '--promt'.*Did you mean --prompt/ },
    { args: ["generate", "a"], code: 2, says: /Unexpected argument "a"/ },
    { args: ["generate", "--prompt-file", "nowhere.txt"], code: 2, says: /prompt file nowhere\.txt cannot be read/ },
    { args: ["generate", "--prompt", "a", "--system", "b"], code: 2, says: /--chat is not given/ },
    { args: ["generate", "--prompt", "a", "--model", "no/such/folder/"], code: 5, says: /AZR_MODEL_NOT_FOUND/ },
    { args: ["eval"], code: 2, says: /suite/ },
    { args: ["exec", "--jsonl", "nowhere.jsonl"], code: 2, says: /nowhere\.jsonl cannot be read/ },
    { args: ["exec", "--jsonl", "."], code: 2, says: /input \. cannot be read/ },
    { args: ["demo", "--resume", "x", "--seed", "1"], code: 2, says: /'--resume <run>' cannot be used with option '--seed <n>'/ },
    { args: ["eval", "a/x.jsonl", "b/x.jsonl"], code: 2, says: /Two of the task files are named x\.jsonl/ },
    { args: ["eval", "nowhere.jsonl", "--out", "no/folder/x.jsonl"], code: 2, says: /cannot be written/ },
    { args: ["eval", join(seedlingFolder(), "held-out", "validation.jsonl"), "--python", "no-such-python"], code: 6, says: /there is no no-such-python/ },
    { args: ["compare", "a.jsonl", "b.jsonl"], code: 2, says: /a\.jsonl cannot be read/ },
    { args: ["compare", "a.jsonl"], code: 2, says: /missing required argument 'after'/i },
    { args: ["resume", "no-such-run"], code: 5, says: /AZR_RUN_FOLDER/ },
  ];
  const cwd = t.testdir({ runs: { first: { "config.json": "{}", "events.jsonl": "" } } });
  for (const { args, code, says } of cases) {
    const name = `azr ${args.join(" ")}`;
    const plain = await azr(args, cwd);
    t.equal(plain.code, code, `${name}: exit code`);
    t.match(plain.stderr, says, `${name}: says what is wrong`);
    t.match(plain.stderr, /^AZR_[A-Z_]+: .*\n {2}why: [^]* {2}tried: [^]* {2}do: [^]* {2}more: /, `${name}: five parts`);
    t.equal(plain.stdout, "", `${name}: nothing on stdout`);
    const json = await azr([...args, "--json"], cwd);
    t.equal(json.code, code, `${name} --json: exit code`);
    const [error] = jsonLines(json.stderr).slice(-1);
    t.match(error, { type: "error", code: /^AZR_/, what: says.source.startsWith("AZR_") ? String : says, why: [String], do: [String], exitCode: code }, `${name} --json: one object`);
  }
  const hints: [args: string[], says: RegExp][] = [
    [["generate", "a"], /If it is meant as --prompt <text>, write --prompt before it.*npx azr generate --help/],
    [["inspect", "model", "runs/a"], /meant as --model <model>/],
    [["bench", "update", "--rounds", "x"], /npx azr bench update --help/],
    [["bench", "updat"], /npx azr bench --help/],
    [["generate", "--prompt", "a", "--max-new-tokens", "5"], /Did you mean --max-tokens\?/],
    [["generate", "--prompt", "a", "--temp", "0"], /Did you mean --temperature\?/],
    [["sft", "--lr", "1e-4"], /do: {4}As a setting it is --set update\.learningRate=VALUE\. All options: npx azr sft --help/],
    [["train", "--threads", "2"], /--set engine\.threads=VALUE/],
    [["train", "--lora-rank", "2"], /--set update\.lora\.rank=VALUE/],
    [["train", "--name", "a"], /--set run\.name=VALUE/],
    [["train", "--frobnicate"], /Settings are given by --set KEY=VALUE\./],
    [["resume", join(cwd, "runs")], /Give the folder of a run, for example .*runs\/first\./],
    [["sft"], /more: {2}npx azr sft --help/],
    [["doctor", "now"], /do: {4}npx azr doctor --help/],
  ];
  for (const [args, says] of hints) t.match((await azr(args)).stderr, says, `azr ${args.join(" ")}: what to do`);
  const bare = await azr([]);
  t.equal(bare.code, 2);
  t.match(bare.stderr, /Usage: azr/);
  const version = await azr(["-V"]);
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  t.equal(version.code, 0);
});
