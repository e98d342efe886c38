// Makes the seedling's corpus: node scripts/pretrain/make-corpus.mjs [--seed 1] [--programs 250000] [--out build/corpus] [--workers 2]
// Writes OUT/train and OUT/validation (documents on programs of the validation split). Equal seed and counts, equal bytes.
// Needs a build (npm run build). About 200 tokens a program that is kept.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadTokenizer } from "../../dist/engine/tokenizer.js";
import { openExecutor } from "../../dist/executor/open.js";
import { corpusGroups, createClassifier } from "./corpus.mjs";
import { createCorpusWriter } from "./corpus-file.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** Programs drawn for validation, whatever the size of the training corpus. */
const validationPrograms = 6000;

/** Writes both corpora; `executor` is an Executor. */
export async function makeCorpus({ executor, seed, programs, out, log = console.error }) {
  const tokenizer = loadTokenizer(join(repository, "models", "seedling"));
  const classify = createClassifier(executor);
  for (const [split, count] of [["validation", Math.min(validationPrograms, programs)], ["train", programs]]) {
    const folder = join(out, split);
    mkdirSync(folder, { recursive: true });
    const writer = createCorpusWriter(folder);
    const started = Date.now();
    let next = started + 10_000;
    let kept = 0;
    let last;
    for await (const group of corpusGroups({ executor, classify, tokenizer, seed: split === "train" ? seed : seed + 1_000_003, split, programs: count })) {
      writer.add(group);
      if (group.visit !== last) [kept, last] = [kept + 1, group.visit];
      if (Date.now() > next) {
        log(`${split}: ${kept} programs, ${writer.counts.tokens} tokens, ${Math.round((kept * 1000) / (Date.now() - started))} programs/s`);
        next = Date.now() + 10_000;
      }
    }
    const counts = writer.finish({ seed, split, drawnPrograms: count, keptPrograms: kept });
    log(`${split}: done, ${kept} programs, ${counts.groups} groups, ${counts.tokens} tokens of which ${counts.trainedTokens} are trained on -> ${folder}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      programs: { type: "string", default: "250000" },
      out: { type: "string", default: join(repository, "build", "corpus") },
      workers: { type: "string", default: "2" },
    },
  });
  const executor = await openExecutor({ workers: Number(values.workers) });
  try {
    await makeCorpus({ executor, seed: Number(values.seed), programs: Number(values.programs), out: values.out });
  } finally {
    await executor.dispose();
  }
}
