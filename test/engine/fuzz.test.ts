// A few hundred damaged models of each kind, a short run of fuzz.ts without sanitizers: each is refused with an error of ours or harmless, none
// crashes, hangs, or takes memory for what it claims. AZR_FUZZ_CASES makes it longer.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import t from "tap";

const hooks = pathToFileURL(join(import.meta.dirname, "..", "..", "scripts", "lib", "typescript-hooks.mjs")).href;
const cases = Number(process.env["AZR_FUZZ_CASES"] ?? 300);

t.test("damaged models", async (t) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [`--import=${hooks}`, join(import.meta.dirname, "fuzz.ts"), "--cases", String(cases), "--json"], { encoding: "utf8" });
  t.equal(stderr, "", "no case misbehaves");
  t.equal(status, 0);
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line) as { kind: string; cases: number; outcomes: Record<string, number>; faults: number });
  t.strictSame(lines.map(({ kind }) => kind), ["folder", "gguf", "tokenizer"]);
  for (const { kind, cases: done, outcomes, faults } of lines) {
    t.equal(faults, 0, kind);
    t.equal(done, cases, `${kind}: ${JSON.stringify(outcomes)}`);
    const refused = (outcomes["AZR_MODEL_FORMAT"] ?? 0) + (outcomes["AZR_TOKENIZER_FORMAT"] ?? 0);
    t.ok(refused > cases / 3 && outcomes["opened"]! > cases / 40, `${kind}: most damage is seen, and some is none`);
  }
});
