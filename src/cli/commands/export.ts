// `azr export`: a model as a Hugging Face folder.

import { Command, InvalidArgumentError, Option } from "commander";
import { exportModel } from "../../export-model.ts";
import { print, printJson } from "../context.ts";
import type { CliContext } from "../context.ts";
import { fetchModel, watchModel } from "../model-progress.ts";
import { adapterOption, jsonOption, threadsOption } from "../options.ts";
import { slowLine } from "../slow-line.ts";
import { stoppable } from "../stop.ts";

interface ExportOptions {
  adapter?: string;
  out: string;
  dtype: "f32" | "bf16" | "f16";
  maxShardSize?: number;
  threads?: number;
  json?: boolean;
}

const units: Record<string, number> = { KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 };

function parseSize(text: string): number {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text) ?? [];
  const bytes = Math.floor(Number(amount) * (units[(unit ?? "").toUpperCase()] ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new InvalidArgumentError("Expected a size with its unit, such as 5GB or 500MB.");
}

export function exportCommand(context: CliContext): Command {
  return new Command("export")
    .description("Write a model as a Hugging Face folder that transformers loads.")
    .argument("<model>", "`seedling`, a Hugging Face folder, a GGUF file, a run folder or a name of the hub")
    .requiredOption("--out <folder>", "the folder to make; it must not be there, or be empty")
    .addOption(new Option("--dtype <type>", "type of the weights in the files").choices(["f32", "bf16", "f16"]).default("f32"))
    .addOption(new Option("--max-shard-size <size>", "most of a file, as 5GB or 500MB; more make several files (default: 5GB)").argParser(parseSize))
    .addOption(adapterOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  azr export runs/first --out exported --dtype bf16")
    .action((model: string, { maxShardSize, json, ...options }: ExportOptions) =>
      stoppable(context, json === true, async (signal) => {
        await fetchModel(context, model, { json, signal });
        const shard = maxShardSize === undefined ? {} : { maxShardBytes: maxShardSize };
        using _progress = slowLine(context, `exporting ${model}`, { json });
        const exported = await watchModel(context, json === true, (onProgress) => exportModel({ ...options, ...shard, model, signal, onProgress }));
        if (json === true) await printJson(context, exported);
        else for (const { name, bytes } of exported.files) await print(context, `${exported.folder}/${name}  ${bytes} bytes`);
      }),
    );
}
