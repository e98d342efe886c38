// The library: what programs that embed absolute-zero import. Everything here is public; what is not here may change without notice.
// The addon and the executor are loaded when they are opened, not by this import.
export { defineConfig, loadConfig, resolveConfig } from "./config/index.ts";
export { configJsonSchema, configSchema } from "./config/index.ts";
export type { Config, ConfigInput, PresetName, ResolvedConfig } from "./config/index.ts";
export { registerFormat } from "./curriculum/format.ts";
export type { Format } from "./curriculum/format.ts";
export type { TaskKind } from "./curriculum/kinds/kind.ts";
export { registerKind } from "./curriculum/kinds/registry.ts";
export type { Pair, Task, Verdict } from "./curriculum/task.ts";
export type * from "./engine/engine.ts";
export { openEngine } from "./engine/open.ts";
export type { OpenEngineOptions } from "./engine/open.ts";
export { loadTokenizer } from "./engine/tokenizer.ts";
export type { Tokenizer } from "./engine/tokenizer.ts";
export { AzrError, errorExitCodes } from "./errors.ts";
export type { AzrErrorCode, AzrErrorOptions } from "./errors.ts";
export { evaluate } from "./eval/evaluate.ts";
export type { EvaluateOptions, TaskOutcome } from "./eval/evaluate.ts";
export type * from "./events.ts";
export type * from "./executor/executor.ts";
export { openExecutor } from "./executor/open.ts";
export type { ExecutorOptions } from "./executor/open.ts";
export { inspect } from "./inspect/index.ts";
export type { InspectReport } from "./inspect/index.ts";
export { resume, train } from "./train.ts";
export type { ResumeOptions, Run, RunResult, TrainOptions } from "./train.ts";
