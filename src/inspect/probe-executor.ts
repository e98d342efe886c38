// Runs one program through the real executor: the only test that says whether the locked child works here.

import { performance } from "node:perf_hooks";
import { openExecutor } from "../executor/open.ts";
import type { ExecutorReport } from "./report.ts";

/** State of the executor. Never rejects. */
export async function probeExecutor(): Promise<ExecutorReport & { hint: string | null }> {
  const start = performance.now();
  try {
    await using executor = await openExecutor({ workers: 1 });
    const { runs } = await executor.run({ program: "def f(x):\n    return x + 1", inputs: ["41"] });
    const startMs = Math.round(performance.now() - start);
    const run = runs[0];
    const ok = run?.outcome === "ok" && run.value === "42";
    const { python, workers, layers = null } = executor.stats();
    const error = ok ? null : `a run of x + 1 ended ${run?.outcome}: ${run?.message ?? run?.value ?? ""}`;
    return { ok, python, workers, layers, startMs, error, hint: null };
  } catch (error) {
    const hint = (error as { hint?: string }).hint ?? null;
    return { ok: false, python: null, workers: null, layers: null, startMs: null, error: (error as Error).message, hint };
  }
}
