// The corpus on disk: `tokens.i32` (all token ids), `classes.u8` (their weight classes, see corpus.mjs), `index.i32` (a group
// after another: kind, prompt length, number of completions, length of each) and `corpus.json`. Little-endian throughout.
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Opens a corpus folder for writing; `add` takes groups, `finish` writes corpus.json with the counts and `about`. */
export function createCorpusWriter(folder) {
  const files = ["tokens.i32", "classes.u8", "index.i32"].map((name) => openSync(join(folder, name), "w"));
  let pending = { tokens: [], classes: [], index: [] };
  const counts = { groups: 0, tokens: 0, trainedTokens: 0 };

  function flush() {
    writeSync(files[0], new Uint8Array(Int32Array.from(pending.tokens).buffer));
    writeSync(files[1], Uint8Array.from(pending.classes));
    writeSync(files[2], new Uint8Array(Int32Array.from(pending.index).buffer));
    pending = { tokens: [], classes: [], index: [] };
  }

  function add({ kind, prompt, completions }) {
    pending.index.push(kind, prompt.length, completions.length, ...completions.map(({ ids }) => ids.length));
    pending.tokens.push(...prompt);
    pending.classes.push(...prompt.map(() => 0));
    for (const { ids, classes } of completions) {
      pending.tokens.push(...ids);
      pending.classes.push(...classes);
      counts.trainedTokens += classes.filter((kind) => kind !== 0).length;
      counts.tokens += ids.length;
    }
    counts.groups += 1;
    counts.tokens += prompt.length;
    if (pending.tokens.length > 1 << 18) flush();
  }

  function finish(about) {
    flush();
    for (const file of files) closeSync(file);
    writeFileSync(join(folder, "corpus.json"), JSON.stringify({ ...about, ...counts }, null, 1) + "\n");
    return counts;
  }

  return { add, finish, counts };
}

/** Loads a corpus folder: { about, tokens, classes, groups: [{ kind, start, promptLength, lengths, size }] }. */
export function readCorpus(folder) {
  const about = JSON.parse(readFileSync(join(folder, "corpus.json"), "utf8"));
  const integers = (name) => {
    const bytes = readFileSync(join(folder, name));
    return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  };
  const tokens = integers("tokens.i32");
  const classes = new Uint8Array(readFileSync(join(folder, "classes.u8")));
  const index = integers("index.i32");
  const groups = [];
  let start = 0;
  for (let at = 0; at < index.length; ) {
    const count = index[at + 2];
    const lengths = index.subarray(at + 3, at + 3 + count);
    const size = index[at + 1] + lengths.reduce((sum, length) => sum + length, 0);
    groups.push({ kind: index[at], start, promptLength: index[at + 1], lengths, size });
    start += size;
    at += 3 + count;
  }
  if (start !== tokens.length || start !== classes.length) throw new Error(`the corpus in ${folder} is damaged: make it again`);
  return { about, tokens, classes, groups };
}
