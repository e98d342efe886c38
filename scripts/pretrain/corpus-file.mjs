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

/**
 * Loads a corpus folder: { about, tokens, classes, groupCount, group(i) -> { kind, start, promptLength, lengths, size } }.
 * Groups are decoded on demand: a million small objects would weigh more than the tokens.
 */
export function readCorpus(folder) {
  const about = JSON.parse(readFileSync(join(folder, "corpus.json"), "utf8"));
  const integers = (name) => {
    const bytes = readFileSync(join(folder, name));
    return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  };
  const tokens = integers("tokens.i32");
  const classes = new Uint8Array(readFileSync(join(folder, "classes.u8")));
  const index = integers("index.i32");
  const places = new Int32Array(about.groups);
  const starts = new Int32Array(about.groups);
  let start = 0;
  let place = 0;
  for (let at = 0; at < about.groups; at++) {
    [places[at], starts[at]] = [place, start];
    start += index[place + 1];
    for (let row = 0; row < index[place + 2]; row++) start += index[place + 3 + row];
    place += 3 + index[place + 2];
  }
  if (start !== tokens.length || start !== classes.length || place !== index.length) throw new Error(`the corpus in ${folder} is damaged: make it again`);

  function group(at) {
    const from = places[at];
    const end = at + 1 < about.groups ? starts[at + 1] : tokens.length;
    return {
      kind: index[from], start: starts[at], promptLength: index[from + 1],
      lengths: index.subarray(from + 3, from + 3 + index[from + 2]), size: end - starts[at],
    };
  }

  return { about, tokens, classes, groupCount: about.groups, group };
}
