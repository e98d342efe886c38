// Damaged tokenizers: each is refused with an error of ours, or reads and writes text without another. AZR_FUZZ_CASES makes it longer.
import t from "tap";
import { tokenizerJsonFromGguf } from "../../src/engine/gguf-tokenizer.ts";
import type { GgufMetadata, GgufValue } from "../../src/engine/gguf-types.ts";
import { parseTokenizer } from "../../src/engine/tokenizer.ts";
import { AzrError } from "../../src/errors.ts";
import { createRandom } from "../../src/random.ts";
import type { Random } from "../../src/random.ts";
import { smallTokenizer, sources } from "./support/tokenizer-sources.ts";

const cases = Number(process.env["AZR_FUZZ_CASES"] ?? 1500);
const texts = Object.keys(sources.files).map((name) => JSON.stringify(smallTokenizer(name)));
const odd: unknown[] = [null, true, -1, 0.5, 1e9, 2 ** 53, "", "a", "(", "\\", "\ud800", "__proto__", [], [[]], {}, { type: "Sequence" }, { type: "constructor" }, ["a"], { a: 0 }];

const vocabulary = ["<unk>", "<s>", "</s>", ..."abcdefgh \u2581", "ab", "cd", "abcd", "\u2581ab", "<0x41>"];
const metadata = (model: string): [string, GgufValue][] => [
  ["tokenizer.ggml.model", model],
  ["tokenizer.ggml.pre", "llama-bpe"],
  ["tokenizer.ggml.tokens", vocabulary],
  ["tokenizer.ggml.token_type", vocabulary.map((token) => (token === "<unk>" ? 2 : token.startsWith("<0x") ? 6 : token.startsWith("<") ? 3 : 1))],
  ["tokenizer.ggml.scores", vocabulary.map((_, id) => -id)],
  ["tokenizer.ggml.merges", ["a b", "c d", "ab cd"]],
  ["tokenizer.ggml.bos_token_id", 1],
  ["tokenizer.ggml.unknown_token_id", 0],
  ["tokenizer.ggml.add_bos_token", true],
];

/** Another value at a random place of a JSON tree. */
function damage(value: any, random: Random): unknown {
  const keys = value !== null && typeof value === "object" ? Object.keys(value) : [];
  // Large lists and tables would take almost all damage.
  if (keys.length === 0 || (random.float() < 0.15 && keys.length < 100)) return random.choice(odd);
  const key = random.choice(keys);
  const draw = random.float();
  if (draw < 0.12) Array.isArray(value) ? value.splice(Number(key), 1) : delete value[key];
  else if (draw < 0.17 && Array.isArray(value)) value.push(value[Number(key)]);
  else value[key] = damage(value[key], random);
  return value;
}

function damagedText(text: string, random: Random): string {
  const at = random.integer(text.length);
  return random.float() < 0.3 ? text.slice(0, at) : text.slice(0, at) + random.choice(['"', "{", "9", ",", "\\", "a", ""]) + text.slice(at + random.integer(3));
}

function run(random: Random): string {
  const draw = random.float();
  try {
    const json =
      draw < 0.25
        ? tokenizerJsonFromGguf(new Map(damage(structuredClone(metadata(random.choice(["gpt2", "llama"]))), random) as [string, GgufValue][]) as GgufMetadata, "x.gguf")
        : draw < 0.5
          ? JSON.parse(damagedText(random.choice(texts), random))
          : damage(JSON.parse(random.choice(texts)), random);
    const tokenizer = parseTokenizer(json);
    const ids = tokenizer.encode("abcd <s> \u00e9\u{1f600} print(12)", { begin: true });
    tokenizer.decode([...ids, 0, 7, 10 ** 6, -1]);
    return "read";
  } catch (error) {
    // The text of a file that is no JSON never gets to the parser, and a list of pairs that is none not to a Map.
    if (error instanceof SyntaxError && draw >= 0.25 && draw < 0.5) return "no JSON";
    if (error instanceof TypeError && draw < 0.25 && /iterable|Iterator value|not an object/.test(error.message)) return "no metadata";
    if (AzrError.isInstance(error) && error.code === "AZR_TOKENIZER_FORMAT" && error.message.length > 10 && error.hint) return "refused";
    throw error;
  }
}

t.test(`${cases} damaged tokenizers`, async (t) => {
  const counts: Record<string, number> = {};
  for (let number = 0; number < cases; number++) {
    try {
      const outcome = run(createRandom(5, "tokenizer", number));
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    } catch (error) {
      t.fail(`case ${number}: ${(error as Error).stack}`);
    }
  }
  t.comment(JSON.stringify(counts));
  t.ok(counts["refused"]! > cases / 10 && counts["read"]! > cases / 10, "much damage is seen, and much is none");
});
