// Names in a configuration that lead nowhere: one clear error, and no folder.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import type { ConfigInput } from "../../src/config/index.ts";
import { trainFake } from "./support/fake-run.ts";

const cases: [name: string, config: ConfigInput, code: string, message: RegExp][] = [
  ["a kind", { kinds: ["deduction", "seduction"] }, "AZR_CONFIG_INVALID", /"seduction"/],
  ["a file of held-out tasks", { curriculum: { heldOut: ["nowhere.jsonl"] } }, "AZR_INPUT_INVALID", /nowhere\.jsonl/],
  ["a file of seed tasks", { curriculum: { seedFile: "nothing.jsonl" } }, "AZR_INPUT_INVALID", /nothing\.jsonl/],
];

t.test("what a configuration names is looked for before a folder is made", async (t) => {
  const parent = t.testdir({});
  for (const [name, config, code, message] of cases) {
    await t.rejects(trainFake(parent, config).result, { code, message }, name);
    t.same(await readdir(parent), [], name);
  }
  t.match(await trainFake(join(parent, "good"), { steps: 1 }).result, { status: "finished" });
});
