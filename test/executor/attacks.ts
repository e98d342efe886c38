// `npm run attack`: every line of attacks/*.jsonl on the real executor, honest programs in between, and the native rows of
// native/test/executor_attack*_test.cc and executor_layers_test.cc where they are built. One line a failure, then `N held, N failed`; exit code 1 when one failed.
//   npm run attack -- [--times N] [--class NAME] [--python PATH]
//   npm run attack -- --fuzz N [--seed S] [--python PATH]     programs made of its lines, of which only what must never come is known
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../../scripts/native-location.mjs";
import { openExecutor } from "../../src/executor/open.ts";
import { readAttacks, tryAll, type Tally } from "./support/attack-catalogue.ts";
import { fuzz } from "./support/fuzz.ts";

const { values } = parseArgs({
  options: {
    times: { type: "string", default: "1" }, class: { type: "string" }, python: { type: "string" }, fuzz: { type: "string" }, seed: { type: "string", default: "1" },
  },
});
const options = values.python === undefined ? {} : { python: values.python };

if (values.fuzz !== undefined) {
  const executor = await openExecutor(options);
  const { counts, failures } = await fuzz(executor, Number(values.fuzz), Number(values.seed));
  await executor.dispose();
  for (const failure of failures) console.log(failure);
  console.log(`${values.fuzz} cases of seed ${values.seed}, Python ${executor.stats().python}: ${[...counts].map(([outcome, count]) => `${outcome} ${count}`).join(", ")}`);
  console.log(`${failures.length} failed, ${executor.stats().sandboxErrors} faults of the sandbox`);
  process.exit(failures.length > 0 || executor.stats().sandboxErrors > 0 || counts.size === 0 ? 1 : 0);
}

/** The rows below Python: each test of the binaries is one. */
function tryNative(tally: Tally): void {
  for (const name of ["executor_attack_test", "executor_attack_steps_test", "executor_layers_test"]) {
    const file = join(process.env.AZR_NATIVE_TESTS ?? join(packageRoot, "build", "cmake", "out", "test"), name);
    if (!existsSync(file)) {
      console.log(`native/test/${name} is not built, so its rows are not among these: npm test -- native/test/executor_`);
      continue;
    }
    const { stdout, status } = spawnSync(file, ["--gtest_brief=1"], { encoding: "utf8", timeout: 120_000 });
    const failed = [...stdout.matchAll(/^\[ {2}FAILED {2}\] (\S+)/gm)].map(([, test]) => test!);
    tally.held += Number(/^\[ {2}PASSED {2}\] (\d+) test/m.exec(stdout)?.[1] ?? 0);
    tally.failures.push(...new Set(failed), ...(status !== 0 && failed.length === 0 ? [`${name} ended with status ${status}`] : []));
  }
}

const attacks = readAttacks().filter((attack) => values.class === undefined || attack.class === values.class);
const total: Tally = { held: 0, failures: [], open: [] };
for (let time = 1; time <= Number(values.times); time += 1) {
  await using executor = await openExecutor(options);
  const tally = await tryAll(executor, attacks);
  if (values.class === undefined) tryNative(tally);
  const { python, layers, sandboxErrors } = executor.stats();
  if (sandboxErrors > 0) tally.failures.push(`the sandbox itself failed ${sandboxErrors} times`);
  for (const failure of tally.failures) console.log(failure);
  for (const sentence of tally.open) console.log(`open: ${sentence}`);
  const present = Object.entries(layers ?? {}).filter(([, holds]) => holds).map(([name]) => name);
  console.log(`${attacks.length} lines, Python ${python}, user ${process.getuid?.()}, layers ${present.join(" ")}: ${tally.held} held, ${tally.failures.length} failed`);
  total.held += tally.held;
  total.failures.push(...tally.failures);
  total.open.push(...tally.open);
}
// A line that gets through is a failure here, marked or not; only the tests of a checkout let it pass until it is mended.
const failed = total.failures.length + total.open.length;
console.log(`${total.held} held, ${failed} failed`);
process.exitCode = failed > 0 || total.held === 0 ? 1 : 0;
