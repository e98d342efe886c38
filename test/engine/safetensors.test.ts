// Safetensors headers: what a sound file gives, and every way in which a file can be broken.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createSafetensorsHeader, readSafetensorsHeader } from "../../src/engine/safetensors.ts";

function file(header: unknown, dataBytes: number, length?: bigint): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.byteLength));
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]);
}

const tensor = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype: unknown = "F32") => ({ dtype, shape, data_offsets: [begin, end] });

t.test("a written header reads back", async (t) => {
  const header = createSafetensorsHeader(
    [{ name: "b", dtype: "F32", shape: [2, 3] }, { name: "a", dtype: "BF16", shape: [5] }, { name: "scalar", dtype: "I64", shape: [] }, { name: "empty", dtype: "F32", shape: [0, 4] }],
    { format: "pt" },
  );
  t.equal(header.byteLength % 8, 0, "data is aligned");
  const path = join(t.testdir(), "x.safetensors");
  writeFileSync(path, Buffer.concat([header, Buffer.alloc(24 + 10 + 8)]));
  const { tensors, metadata } = readSafetensorsHeader(path);
  const start = header.byteLength;
  t.same(metadata, { format: "pt" });
  t.same(tensors, [
    { name: "b", dtype: "F32", shape: [2, 3], begin: start, end: start + 24 },
    { name: "a", dtype: "BF16", shape: [5], begin: start + 24, end: start + 34 },
    { name: "scalar", dtype: "I64", shape: [], begin: start + 34, end: start + 42 },
    { name: "empty", dtype: "F32", shape: [0, 4], begin: start + 42, end: start + 42 },
  ]);
});

t.test("broken files", async (t) => {
  const folder = t.testdir();
  const cases: [string, Buffer, RegExp][] = [
    ["empty file", Buffer.alloc(0), /0 bytes long/],
    ["half a prefix", Buffer.alloc(5), /5 bytes long/],
    ["huge header", file("{}", 0, 100_000_001n), /more than 100000000 are refused/],
    ["absurd header", file("{}", 0, 0xffff_ffff_ffff_ffffn), /are refused/],
    ["header past the end", file("{}", 0, 3n), /cut off/],
    ["no JSON", file("{nope", 0), /not JSON/],
    ["not UTF-8", Buffer.concat([file("", 0, 2n), Buffer.from([0xff, 0xfe])]), /not JSON/],
    ["a list", file([], 0), /JSON object/],
    ["number as tensor", file({ a: 1 }, 0), /unknown type/],
    ["null tensor", file({ a: null }, 0), /unknown type/],
    ["unknown type", file({ a: tensor(0, 4, [1], "F33") }, 4), /"F33"/],
    ["inherited name as type", file({ a: tensor(0, 4, [1], "toString") }, 4), /"toString"/],
    ["negative side", file({ a: tensor(0, 4, [-1]) }, 4), /shape/],
    ["fractional side", file({ a: tensor(0, 4, [1.5]) }, 4), /shape/],
    ["shape missing", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), /shape/],
    ["range reversed", file({ a: tensor(4, 0, [1]) }, 4), /byte range/],
    ["three offsets", file({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, 4), /byte range/],
    ["shape and bytes differ", file({ a: tensor(0, 8, [3]) }, 8), /8 bytes where its shape \[3\] of F32 needs 12/],
    ["truncated data", file({ a: tensor(0, 8), b: tensor(8, 16) }, 12), /cut off inside tensor b/],
    ["overlap", file({ a: tensor(0, 8), b: tensor(4, 12) }, 12), /overlapping tensors before tensor b/],
    ["gap", file({ a: tensor(0, 4), b: tensor(8, 12) }, 12), /unclaimed bytes before tensor b/],
    ["rest", file({ a: tensor(0, 4) }, 7), /3 bytes after/],
    ["metadata of numbers", file({ __metadata__: { a: 1 } }, 0), /metadata/],
    ["product overflows", file({ a: tensor(0, 4, [2 ** 40, 2 ** 40]) }, 4), /needs/],
  ];
  for (const [name, bytes, message] of cases) {
    const path = join(folder, `${name}.safetensors`);
    writeFileSync(path, bytes);
    t.throws(() => readSafetensorsHeader(path), { code: "AZR_MODEL_FORMAT", message, hint: /./ }, name);
    t.throws(() => readSafetensorsHeader(path, { checkpoint: true }), { code: "AZR_CHECKPOINT_CORRUPT", message, hint: /./ }, `${name}, checkpoint`);
  }
  t.throws(() => readSafetensorsHeader(join(folder, "none")), { code: "AZR_MODEL_NOT_FOUND" });
});
