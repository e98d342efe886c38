// Parsers and wording of options that several commands share, so that `--seed` means and says the same everywhere.

import { InvalidArgumentError, Option } from "commander";

/** Parser of whole numbers from `least` on. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** Parser of finite numbers from `least` on, or with `above` larger than it. */
export function decimal(least: number, most = Number.POSITIVE_INFINITY, { above = false } = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least || value > most || (above && value === least)) {
      const from = above ? `above ${least}` : Number.isFinite(most) ? `from ${least}` : `of at least ${least}`;
      const range = Number.isFinite(most) ? `${from}${above ? " and" : " to"} ${above ? "at most " : ""}${most}` : from;
      throw new InvalidArgumentError(`Expected a number ${range}.`);
    }
    return value;
  };
}

/** Collects a repeatable option. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

export const jsonOption = (): Option => new Option("--json", "print JSON (lines of it for long work) and nothing else on stdout");
export const verboseOption = (): Option => new Option("--verbose", "tell of a failure also where in the code it was raised");
export const seedOption = (): Option => new Option("--seed <n>", "root of all random choices").argParser(whole(0));
export const modelOption = (): Option =>
  new Option("--model <model>", "`seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub").default("seedling");
export const adapterOption = (): Option => new Option("--adapter <folder>", "low-rank adapters to merge into the model, as a run with update.lora or the Python package peft writes them");
export const setOption = (): Option =>
  new Option("--set <key=value>", "change one setting of the configuration; repeatable").argParser(collect);
export const threadsOption = (): Option => new Option("--threads <n>", "threads of the engine").argParser(whole(1));
export const weightsOption = (): Option =>
  new Option("--weights <format>", "how the weights are held: single precision, bfloat16, or 8 bits with a scale for each 32").choices(["f32", "bf16", "q8"]).default("f32");
export const workersOption = (): Option => new Option("--workers <n>", "parallel runs in the executor").argParser(whole(1));
export const pythonOption = (): Option => new Option("--python <path>", "Python that runs the programs: CPython 3.11 to 3.13");
export const allowUntestedPythonOption = (): Option =>
  new Option("--allow-untested-python", "take a newer Python too, with which this package is not tested");
export const graceOption = (): Option =>
  new Option("--grace <seconds>", "time to finish the step after SIGTERM").argParser(decimal(0)).default(60);
