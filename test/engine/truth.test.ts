// The engine, opened as users open it, against what transformers and torch computed: log-probabilities, ten AdamW steps and
// the file it saves. native/test/engine_truth_test.cc compares logits and gradients as well.
import { join } from "node:path";
import t from "tap";
import { openEngine } from "../../src/engine/open.ts";
import { readSafetensorsHeader } from "../../src/engine/safetensors.ts";
import { readSafetensors } from "./support/read-safetensors.ts";
import { relativeError } from "./support/relative-error.ts";
import { readTruth, truthNames, truthTensors, writeModelFolder } from "../truth/model-folder.ts";

const tolerance = 1e-4;

for (const name of truthNames) {
  t.test(name, async (t) => {
    const truth = readTruth(name);
    const { arrays, numbers } = truth;
    const [rows, length] = arrays["tokens"]!.shape as [number, number];
    const tokens = Int32Array.from(arrays["tokens"]!.values);
    const folder = t.testdir({ model: {}, out: {} });
    await using engine = await openEngine({ model: writeModelFolder(join(folder, "model"), truth), threads: 1 });

    const { logProbabilities } = await engine.score({ sequences: { tokens, lengths: new Int32Array(rows).fill(length) } });
    const vocabulary = engine.shape.vocabularySize;
    const expected = Array.from({ length: rows * (length - 1) }, (_, index) => {
      const [row, i] = [Math.floor(index / (length - 1)), index % (length - 1)];
      const logits = arrays["logits"]!.values.subarray((row * length + i) * vocabulary, (row * length + i + 1) * vocabulary);
      return logits[tokens[row * length + i + 1]!]! - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    });
    t.equal(logProbabilities.length, expected.length);
    t.ok(relativeError(logProbabilities, expected) < tolerance, "log-probabilities");

    const promptLengths = Int32Array.from(arrays["prompts"]!.values);
    const part = (inPrompt: boolean) => tokens.filter((_, i) => i % length < promptLengths[Math.floor(i / length)]! === inPrompt);
    const completions = { tokens: part(false), lengths: promptLengths.map((prompt) => length - prompt) };
    for (const [step, loss] of arrays["losses"]!.values.entries()) {
      const result = await engine.update({
        prompts: { tokens: part(true), lengths: promptLengths },
        completions,
        completionPrompt: promptLengths.map((_, row) => row),
        weights: new Float32Array(completions.tokens.length).fill(1 / completions.tokens.length),
        loss: "cross-entropy",
        optimizer: {
          learningRate: numbers["learning_rate"]!,
          beta1: numbers["beta1"]!,
          beta2: numbers["beta2"]!,
          epsilon: numbers["epsilon"]!,
          weightDecay: numbers["weight_decay"]!,
          clipNorm: numbers["clip_norm"]!,
        },
      });
      t.ok(Math.abs(result.loss - loss) < tolerance * loss, `loss of step ${step}: ${result.loss} beside ${loss}`);
      const norm = arrays["gradient-norms"]!.values[step]!;
      t.ok(Math.abs(result.gradientNorm - norm) < tolerance * norm, `gradient norm of step ${step}`);
    }

    await engine.saveModel(join(folder, "out"));
    const path = join(folder, "out", "model.safetensors");
    const shapes = new Map(readSafetensorsHeader(path).tensors.map(({ name, shape }) => [name, shape]));
    const saved = readSafetensors(path);
    for (const [tensor, shape, values] of truthTensors(truth, "final")) {
      t.same(shapes.get(tensor), shape);
      t.ok(relativeError(saved[tensor]!, values) < tolerance, `${tensor} after ten steps`);
    }
    t.equal(shapes.size, truthTensors(truth, "final").length);
  });
}
