// Five hundred damaged model files, a short run of fuzz-model-files.ts: each refused with an error of ours or harmless, none crashes or
// takes memory for what it claims.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import t from "tap";

const here = dirname(fileURLToPath(import.meta.url));
const hooks = pathToFileURL(join(here, "..", "..", "scripts", "lib", "typescript-hooks.mjs")).href;

t.test("damaged model files", async (t) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [`--import=${hooks}`, join(here, "fuzz-model-files.ts"), "500"], { encoding: "utf8", timeout: 240_000 });
  t.equal(stderr, "", "no case misbehaves");
  t.equal(status, 0);
  const { outcomes, faults } = JSON.parse(stdout) as { outcomes: Record<string, number>; faults: number };
  t.equal(faults, 0);
  t.equal(Object.values(outcomes).reduce((sum, count) => sum + count, 0), 500, JSON.stringify(outcomes));
  t.ok(outcomes["AZR_MODEL_FORMAT"]! > 400 && outcomes["opened"]! > 10, "most damage is seen, and some is none");
});
