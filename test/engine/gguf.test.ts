// The head of a GGUF file: what another writer's file gives, and every way in which a file can be broken.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { isGguf, readGguf } from "../../src/engine/gguf.ts";
import { ggufBytes } from "./support/gguf-file.ts";
import type { Entry, GgufParts, Tensor } from "./support/gguf-file.ts";

const foreign = join(dirname(fileURLToPath(import.meta.url)), "..", "truth", "data", "dequantize.gguf");

t.test("a file that the Python package gguf wrote", async (t) => {
  const { metadata, tensors } = readGguf(foreign);
  t.match(Object.fromEntries(metadata), {
    "general.architecture": "llama",
    "test.u8": 200,
    "test.i8": -100,
    "test.u16": 60000,
    "test.i16": -30000,
    "test.i32": -2_000_000_000,
    "test.f32": Math.fround(0.1),
    "test.true": true,
    "test.text": "naïve Ġ 🦙",
    "test.texts": ["a", "", "ŋ"],
    "test.numbers": [1, -2, 3],
    "test.u64": 2n ** 63n + 1n,
    "test.i64": -(2 ** 40),
    "test.f64": 0.1,
  });
  const types = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"];
  t.same(tensors.map(({ name }) => name), types.flatMap((type) => [type, `${type}.expected`]));
  t.same(tensors.map(({ type }) => type), types.flatMap((type) => [type, "F32"]));
  for (const { shape } of tensors) t.same(shape, [4, 256]);
});

t.test("what is a GGUF file", async (t) => {
  const folder = t.testdir({ "plain.txt": "GGU", "named.GGUF": "", nameless: "GGUF and more", "folder.d": {} });
  t.same(["plain.txt", "named.GGUF", "nameless", "folder.d", "absent", "absent.gguf"].map((name) => isGguf(join(folder, name))), [false, true, true, false, false, true]);
});

const values = (count: number): Uint8Array => new Uint8Array(count * 4);
const tensor = (change: Partial<Tensor> = {}): Tensor => ({ name: "a", shape: [2, 32], data: values(64), ...change });
const entries = (...metadata: Entry[]): GgufParts => ({ metadata });

t.test("versions, alignment, values", async (t) => {
  const path = join(t.testdir(), "x.gguf");
  const read = (parts: GgufParts) => (writeFileSync(path, ggufBytes(parts)), readGguf(path));
  t.same(read({ version: 2, tensors: [tensor(), tensor({ name: "b" })] }).tensors.map(({ begin, end }) => end - begin), [256, 256]);
  const wide = read({ metadata: [["general.alignment", "u32", 128]], alignment: 128, tensors: [tensor({ shape: [3], data: values(3) }), tensor({ name: "b" })] });
  t.same(wide.tensors.map(({ begin }) => begin % 128), [0, 0]);
  const many = read(entries(["tokens", "list", "text", Array.from({ length: 200_000 }, (_, index) => `token ${index}`)], ["last", "u8", 3]));
  t.equal((many.metadata.get("tokens") as string[])[199_999], "token 199999");
  t.equal(many.metadata.get("last"), 3);
});

t.test("broken files", async (t) => {
  const folder = t.testdir();
  const sound = ggufBytes({ metadata: [["general.architecture", "text", "llama"]], tensors: [tensor(), tensor({ name: "b" })] });
  const patched = (at: number, bytes: number[]): Buffer => {
    const copy = Buffer.from(sound);
    copy.set(bytes, at);
    return copy;
  };
  const raw = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
  const head = (tensors: number, count: number): Buffer => ggufBytes({ tensorCount: tensors, entryCount: count }).subarray(0, 24);
  const nested = raw(head(0, 1), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 97]), Buffer.from([9, 0, 0, 0]), ...Array.from({ length: 6 }, () => Buffer.from([9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])));
  const cases: [string, Uint8Array | GgufParts, RegExp][] = [
    ["empty", Buffer.alloc(0), /does not begin with the letters GGUF/],
    ["another format", Buffer.from("PK\u0003\u0004 and so on"), /does not begin/],
    ["only its letters", Buffer.from("GGUF"), /cut off/],
    ["version 1", { version: 1 }, /version 1; 2 and 3/],
    ["version 4", { version: 4 }, /version 4/],
    ["big-endian", { version: 0x03000000 }, /big-endian/],
    ["too many tensors", { tensorCount: 2 ** 21 }, /2097152 tensors/],
    ["absurdly many tensors", { tensorCount: 2n ** 64n - 1n }, /gives 18446744073709551615 as the number of tensors/],
    ["more tensors than there are", { tensors: [tensor()], tensorCount: 2 }, /cut off|dimensions|bytes long|as the/],
    ["absurdly many entries", { entryCount: 2n ** 63n }, /as the number of metadata entries/],
    ["more entries than there are", { ...entries(["a", "u8", 1]), entryCount: 1e9 }, /twice|cut off/],
    ["a key twice", entries(["a", "u8", 1], ["a", "u8", 2]), /metadata "a" twice/],
    ["a long key", patched(24, [0, 0, 0, 2]), /33554432 bytes long/],
    ["a key longer than a double counts", patched(24, [255, 255, 255, 255, 255, 255, 255, 255]), /18446744073709551615/],
    ["a type that is none", patched(24 + 8 + 20, [77]), /unknown type 77/],
    ["a truth that is neither", raw(head(0, 1), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 97, 7, 0, 0, 0, 2])), /holds the byte 2/],
    ["a list of nothing known", raw(head(0, 1), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 97, 9, 0, 0, 0, 99, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])), /unknown type 99/],
    ["a huge list", raw(head(0, 1), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 97, 9, 0, 0, 0, 8, 0, 0, 0, 255, 255, 255, 127, 0, 0, 0, 0])), /2147483647 entries do not fit/],
    ["lists in lists in lists", nested, /deeper than 4/],
    ["an alignment of 48", { ...entries(["general.alignment", "u32", 48]), tensors: [tensor()] }, /alignment 48/],
    ["an alignment of 0", { ...entries(["general.alignment", "u32", 0]), tensors: [tensor()] }, /alignment 0/],
    ["an alignment in words", { ...entries(["general.alignment", "text", "32"]), tensors: [tensor()] }, /alignment 32/],
    ["a tensor twice", { tensors: [tensor(), tensor()] }, /tensor "a" twice/],
    ["no dimensions", { tensors: [tensor({ shape: [] })] }, /0 dimensions/],
    ["five dimensions", { tensors: [tensor({ shape: [1, 1, 1, 2, 32] })] }, /5 dimensions/],
    ["an empty side", { tensors: [tensor({ shape: [0, 32] })] }, /impossible shape \[0, 32\]/],
    ["a negative side", { tensors: [tensor({ shape: [-1, 32] })] }, /as a side of tensor a/],
    ["a product that overflows", { tensors: [tensor({ shape: [2 ** 40, 2 ** 40] })] }, /impossible shape/],
    ["an unknown format", { tensors: [tensor({ type: 999 })] }, /unknown type 999/],
    ["a format that cannot be read", { tensors: [tensor({ type: 23 })] }, /as IQ4_XS, which cannot be read/],
    ["rows of half a block", { tensors: [tensor({ shape: [4, 16], type: 8 })] }, /no whole blocks of Q8_0/],
    ["a place between", { tensors: [tensor({ offset: 16 })] }, /not a multiple of its alignment/],
    ["a place past the end", { tensors: [tensor({ offset: 2 ** 45 })] }, /cut off inside tensor a/],
    ["overlap", { tensors: [tensor(), tensor({ name: "b", offset: 32 })] }, /overlapping tensors a and b/],
    ["the same place", { tensors: [tensor(), tensor({ name: "b", offset: 0 })] }, /overlapping/],
    ["cut off", sound.subarray(0, -1), /cut off inside tensor b/],
  ];
  for (let length = 4; length < 24 + 40; length += 3) cases.push([`the first ${length} bytes`, sound.subarray(0, length), /cut off/]);
  for (const [name, content, message] of cases) {
    const path = join(folder, `${name}.gguf`);
    writeFileSync(path, content instanceof Uint8Array ? content : ggufBytes(content));
    t.throws(() => readGguf(path), { name: "AzrError", code: "AZR_MODEL_FORMAT", message, hint: /./, details: { path } }, name);
  }
  t.throws(() => readGguf(join(folder, "none.gguf")), { code: "AZR_MODEL_NOT_FOUND" });
  t.throws(() => readGguf(folder), { code: "AZR_MODEL_FORMAT", message: /no regular file/ });
  t.throws(() => readGguf(join(folder, "a format that cannot be read.gguf")), { code: "AZR_MODEL_FORMAT", hint: /F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K/ });
});
