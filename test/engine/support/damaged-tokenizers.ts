// Folders whose tokenizer has one thing wrong: tokenizer.json, tokenizer_config.json, or a chat template. There are no weights: the tokenizer
// and the template are loaded by themselves.
import type { Random } from "../../../src/random.ts";
import { damagedText, damagedTree, mischief, withRawValue } from "./damage.ts";
import type { Content, Damage, Sound } from "./damage.ts";
import { smallTokenizer, sources } from "./tokenizer-sources.ts";

type Json = Record<string, any>;

const texts = Object.keys(sources.files).map((name) => JSON.stringify(smallTokenizer(name)));
const some = (random: Random): Json => JSON.parse(random.choice(texts)) as Json;

const template = `{%- if tools %}{{ tools | tojson }}{% endif -%}
{{ bos_token }}{% set ns = namespace(last='none') %}{% for message in messages %}{% if message['role'] not in ['system', 'user', 'assistant'] %}
{{ raise_exception('unknown role ' + message['role']) }}{% endif %}{{ '<|' + message.role + '|>' }}{{ message.content | trim }}{% set ns.last = message.role %}
{% endfor %}{%- macro tail(role, count=2) %}{% for _ in range(count) %}{{ role[0:3] }}{% endfor %}{% endmacro %}{{ tail(ns.last) }}{% if add_generation_prompt %}<|assistant|>{% endif %}`;
const settings = { bos_token: "<s>", eos_token: { content: "</s>", special: true }, chat_template: template, added_tokens_decoder: { 0: { content: "<unk>" } } };
const settingsText = JSON.stringify(settings);

const sound = (random: Random): Record<string, Content> => ({ "tokenizer.json": random.choice(texts), "tokenizer_config.json": settingsText });
export const soundTokenizers: Sound = (random) => ({ files: sound(random) });

function damaged(name: string, content: (random: Random) => Content, mustFail = false): Damage {
  return (random) => ({ files: { ...sound(random), [name]: content(random) }, mustFail });
}
function tokenizer(change: (json: Json, random: Random) => unknown, mustFail = false): Damage {
  return damaged("tokenizer.json", (random) => {
    const json = some(random);
    return JSON.stringify(change(json, random) ?? json);
  }, mustFail);
}
const templated = (change: (text: string, random: Random) => string, mustFail = false): Damage => damaged("tokenizer_config.json", (random) => JSON.stringify({ ...settings, chat_template: change(template, random) }), mustFail);

const parts = ["normalizer", "pre_tokenizer", "post_processor", "decoder", "model", "added_tokens"];
const inner = { normalizer: "normalizers", pre_tokenizer: "pretokenizers", post_processor: "processors", decoder: "decoders" };
const ids: unknown[] = [-1, 0.5, 2 ** 25 - 1, 2 ** 25, 2 ** 31, 2 ** 53, 1e300, null, "0", true, [0]];
const patterns = ["(", "[", "a{99999}", "(?<=a)b", "(?i:x)", "\\p{Nope}", "\\z", "[[a]&&[b]]", "(?>a)", "", "\\", "a{2,1}", "[z-a]", "(?<n>a)(?<n>b)", ".*", "\\u{110000}", "x*", "|", "^", "\\b"];
const added = (id: number, content: string) => ({ id, content, special: true, normalized: false });

const notFiles: Content[] = [{ folder: true }, { pipe: true }, { link: "/dev/zero" }, { link: "nowhere" }, { link: "tokenizer.json" }, { link: "tokenizer_config.json" }, { link: "/proc/self/mem" }, { bytes: 2 ** 31 + 5, head: new Uint8Array(0) }, { bytes: 2 ** 29, head: Buffer.from("{") }, { bytes: 2 ** 42, head: Buffer.from("{") }];

const pieces = ["{%", "%}", "{{", "}}", "{#", "#}", "{% for x in messages %}", "{% endfor %}", "{% if %}", "{% else %}", "{{ messages[99].content }}", "{{ messages.a.b }}", "{{ 1 / 0 }}", "{{ nope() }}", "{{ x | nofilter }}", "{{ messages | tojson(indent=-1) }}", "{{ strftime_now('%Q') }}", "{{ raise_exception('no') }}", "{{ messages[0].constructor.constructor('return 1')() }}", "{{ self }}", "{{ ''.__class__ }}", "{% include 'x' %}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ 'a' * 5 }}", "{{ messages[::0] }}", "{{ messages[::-1] }}", "{{ 'x'[1e99] }}", "{{ none.x }}", "{{ 9999999999999999999999 }}", "\u0000", "\ud800", "{{ '\\ud800' }}", "'", "\"", "{{ range(3, 1, 0) }}", "{{ range(1.5) }}", "{{ 'a'.split('') }}", "{{ [1,2] + {} }}"];
function spliced(text: string, random: Random): string {
  const at = random.integer(text.length);
  return text.slice(0, at) + random.choice(pieces) + text.slice(at + (random.integer(3) === 0 ? random.integer(20) : 0));
}

export const tokenizerDamages: Record<string, Damage> = {
  "tokenizer.json with another value": tokenizer((json, random) => damagedTree(json, random)),
  "tokenizer.json with another value in its steps": tokenizer((json, random) => {
    const part = random.choice(parts.slice(0, 4));
    json[part] = damagedTree({ value: json[part] }, random);
    json[part] = json[part]?.value ?? json[part];
  }),
  "tokenizer.json with damage to its text": damaged("tokenizer.json", (random) => damagedText(random.choice(texts), random)),
  "tokenizer.json of other JSON": damaged("tokenizer.json", (random) => withRawValue(some(random), random)),
  "tokenizer.json with other JSON for a part": damaged("tokenizer.json", (random) => {
    const [json, part] = [some(random), random.choice(parts)];
    json[part] = (withRawValue({ value: 0 }, random), "the part");
    return JSON.stringify(json).replace('"the part"', () => withRawValue(0, random));
  }),
  "tokenizer.json with steps nested deep": damaged("tokenizer.json", (random) => {
    const [json, part] = [some(random), random.choice(Object.keys(inner) as (keyof typeof inner)[])];
    json[part] = "the part";
    const depth = random.choice([10, 100, 3_000, 50_000]);
    return JSON.stringify(json).replace('"the part"', () => `{"type":"Sequence","${inner[part]}":[`.repeat(depth) + "]}".repeat(depth));
  }),
  "tokenizer.json with the parts of another": tokenizer((json, random) => {
    const [part, other] = [random.choice(parts), some(random)];
    json[part] = other[part];
  }),
  "tokenizer.json without a part": tokenizer((json, random) => void delete json[random.choice(parts)]),
  "vocabulary with a strange id": tokenizer(({ model }, random) => void (model.vocab[random.choice(Object.keys(model.vocab))] = random.choice(ids))),
  "vocabulary with an id twice": tokenizer(({ model }, random) => {
    const [one, other] = random.sample(Object.keys(model.vocab), 2) as [string, string];
    model.vocab[one] = model.vocab[other];
  }),
  "vocabulary that names look-alikes": tokenizer(({ model }, random) => {
    const token = random.choice(Object.keys(model.vocab));
    model.vocab[mischief(token, random)] = random.integer(2) === 0 ? model.vocab[token] : 5_000;
  }),
  "vocabulary of another kind": tokenizer(({ model }, random) => void (model.vocab = random.choice<unknown>([[], [["a", 0]], {}, null, "a", 3, { a: {} }]))),
  "merges with a strange entry": tokenizer(({ model }, random) => {
    const merges = (model.merges ??= []) as unknown[];
    merges.splice(random.integer(merges.length + 1), random.integer(2), random.choice<unknown>(["", "a", "a b c", " ", ["a"], ["a", "b", "c"], ["", "a"], [1, 2], null, 7, "no-such-token a", ["a", "a".repeat(99_999)], {}]));
  }),
  "merges in another order": tokenizer(({ model }, random) => void (model.merges = random.shuffle((model.merges ?? []) as unknown[]))),
  "added token with a strange id or text": tokenizer((json, random) => void json["added_tokens"].push({ ...added(5_000, "<|new|>"), [random.choice(["id", "content", "special", "normalized", "lstrip", "single_word"])]: random.choice<unknown>([...ids, "", "\ud800", "\u0000", "a".repeat(70_000), {}]) })),
  "added tokens beyond counting": tokenizer((json, random) => {
    const count = random.choice([100, 3_000, 40_000]);
    json["added_tokens"] = Array.from({ length: count }, (_, at) => added(10_000 + at, `<|${at}${"x".repeat(random.integer(30))}|>`));
  }),
  "added token of great length": tokenizer((json, random) => void json["added_tokens"].push(added(5_000, random.choice(["a", "\\", "\u{1f600}", "(*"]).repeat(random.choice([1000, 100_000, 8_000_000]))))),
  "pattern that is none, or of another language": tokenizer((json, random) => {
    const regex = { Regex: random.choice(patterns) };
    const step = random.choice([{ normalizer: { type: "Replace", pattern: regex, content: "x" } }, { pre_tokenizer: { type: "Split", pattern: regex, behavior: random.choice(["Isolated", "Removed", "Contiguous", "MergedWithNext", "Never"]), invert: random.integer(2) === 0 } }, { decoder: { type: "Replace", pattern: regex, content: "y" } }]);
    return { ...json, ...step };
  }),
  "pattern of great length": tokenizer((json, random) => ({ ...json, pre_tokenizer: { type: "Split", pattern: { [random.choice(["Regex", "String"])]: random.choice(["a|", "(", "[a-z]", "\\p{L}", "(?:"]).repeat(random.choice([100, 20_000, 2_000_000])) }, behavior: "Isolated", invert: false } })),
  "normalizer that makes texts grow": tokenizer((json, random) => ({ ...json, normalizer: { type: "Sequence", normalizers: new Array(random.choice([3, 12, 64])).fill({ type: "Replace", pattern: { String: "a" }, content: "aaaa" }) } })),
  "decoder that makes texts grow": tokenizer((json, random) => ({ ...json, decoder: { type: "Sequence", decoders: new Array(random.choice([3, 12, 64])).fill({ type: "Replace", pattern: { String: "a" }, content: "aaaa" }) } })),
  "post-processor with strange ids": tokenizer((json, random) => ({ ...json, post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: random.choice(["a", "__proto__", ""]), type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }], special_tokens: { a: { id: "a", ids: random.choice<unknown>([[-1], [2 ** 31], [], null, "0", [1.5], [0, 0], new Array(100_000).fill(0)]), tokens: ["a"] } } } })),
  "tokenizer_config.json with another value": damaged("tokenizer_config.json", (random) => JSON.stringify(damagedTree(structuredClone(settings), random))),
  "tokenizer_config.json of other JSON": damaged("tokenizer_config.json", (random) => withRawValue(structuredClone(settings), random)),
  "tokenizer_config.json with damage to its text": damaged("tokenizer_config.json", (random) => damagedText(settingsText, random)),
  "chat template with a piece of another": templated(spliced),
  "chat template cut off": templated((text, random) => text.slice(0, random.integer(text.length))),
  "chat template with damage to its text": damaged("chat_template.jinja", (random) => damagedText(template, random)),
  "chat template nested deep": templated((text, random) => {
    const [open, close] = random.choice([["{% if true %}", "{% endif %}"], ["{{ (", ") }}"], ["{{ [", "] }}"], ["{{ not ", "}}"], ["{% for a in [1] %}", "{% endfor %}"], ["{{ -", "}}"]] as const);
    const depth = random.choice([10, 500, 20_000]);
    return text + (open.startsWith("{{") ? `{{ ${open.slice(3).repeat(depth)}1${close.slice(0, -2).repeat(depth)} }}` : open.repeat(depth) + close.repeat(depth));
  }),
  "chat templates by strange names": damaged("tokenizer_config.json", (random) => JSON.stringify({ ...settings, chat_template: random.choice<unknown>([[], [null], [{ name: "default" }], [{ name: "default", template: 3 }], [{ name: ["default"], template }], { default: template }, 3, true, [[template]], ""]) })),
  "chat_template.json with another value": (random) => ({ files: { "tokenizer.json": random.choice(texts), "tokenizer_config.json": "{}", "chat_template.json": withRawValue({ chat_template: template }, random) }, mustFail: false }),
  "no file in place of one": (random) => ({ files: { ...sound(random), [random.choice(["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "chat_template.json"])]: random.choice(notFiles) }, mustFail: false }),
};
