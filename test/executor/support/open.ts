// The real executor for a test file: closed when the file is through, or the reason why the file cannot run.
import type { Test } from "tap";
import type { Executor } from "../../../src/executor/executor.ts";
import { openExecutor } from "../../../src/executor/open.ts";
import { nativeMissing } from "./native.ts";

/** The name matters: scripts/test.mjs lets a file that says openExecutor run alone. */
export async function openExecutorFor(t: Test): Promise<Executor> {
  if (nativeMissing !== false) {
    t.plan(0, nativeMissing);
    process.exit(0);
  }
  const executor = await openExecutor();
  t.teardown(() => executor.dispose());
  return executor;
}
