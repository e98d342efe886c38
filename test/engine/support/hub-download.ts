// Downloads a model in a process of its own, for tests that kill it or start two: node hub-download.ts NAME, variables from the environment.
// Prints one line of JSON for each report of progress, then the result or the error.
import { resolveModel } from "../../../src/engine/resolve-model.ts";

// A test limits the size of files: the write should fail, not the process end.
process.on("SIGXFSZ", () => undefined);
const tell = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
try {
  tell({ type: "result", ...(await resolveModel(process.argv[2]!, { from: "/", retryDelayMs: 10, onProgress: tell })) });
} catch (error) {
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  tell({ type: "error", code, message, hint });
}
