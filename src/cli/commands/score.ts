// `azr score`: log-probabilities of given tokens or texts.

import { Command } from "commander";
import { scoreJsonl } from "../../score-jsonl.ts";
import type { ScoreAnswer } from "../../score-jsonl.ts";
import type { WeightFormat } from "../../open-model.ts";
import type { CliContext } from "../context.ts";
import { runJsonl } from "../jsonl-command.ts";
import { fetchModel } from "../model-progress.ts";
import { adapterOption, jsonOption, modelOption, threadsOption, weightsOption } from "../options.ts";

interface ScoreOptions {
  jsonl: string;
  json?: boolean;
  model: string;
  adapter?: string;
  threads?: number;
  weights: WeightFormat;
}

export function scoreCommand(context: CliContext): Command {
  return new Command("score")
    .description("Score tokens or texts: log p of every token but the first, or of a response given its prompt; one answer a line, in the order of the input.")
    .requiredOption("--jsonl <file>", 'lines {"id","tokens":[ids...]}, {"id","text"} or {"id","prompt","response"}; - for standard input')
    .addOption(modelOption())
    .addOption(adapterOption())
    .addOption(threadsOption())
    .addOption(weightsOption())
    .addOption(jsonOption())
    .addHelpText("after", `\nExamples:\n  echo '{"id":"a","tokens":[2,8,20,21]}' | azr score --model seedling --jsonl -\n  echo '{"id":"a","prompt":"The capital of France is","response":" Paris"}' | azr score --model M --jsonl -`)
    .action((options: ScoreOptions) =>
      runJsonl<ScoreAnswer>(context, options, async (job) => {
        await fetchModel(context, options.model, { json: options.json, signal: job.signal });
        return scoreJsonl({ ...job, model: options.model, ...(options.adapter === undefined ? {} : { adapter: options.adapter }), threads: options.threads, weights: options.weights });
      }),
    );
}
