"""Makes test/truth/data/dequantize.gguf, against which native/test/engine_dequantize_test.cc and test/engine/gguf.test.ts check
the reading of each number format: rows in that format as tensor `TYPE`, and the values that the Python package `gguf` reads
from them as tensor `TYPE.expected` (F32); dequantize.index says where they lie, one line a type:
`TYPE blocks-offset expected-offset values`.

    python3 -m pip install gguf numpy && python3 test/truth/make_dequantize_truth.py

Made with gguf 0.19.0 and numpy 2.4.6. Its quantizer makes the simple formats; of the K formats it can only read, so those
are random bytes under scales of a usual size. Each format has extreme values too: zero scales, subnormal and negative ones.
"""
import pathlib

import gguf
import numpy

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
ROWS, COLUMNS = 4, 256
# Where a block's half-precision scales lie: (offset of each).
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def blocks_of(name, kind, random):
    values = random.normal(0, 0.05, (ROWS, COLUMNS)).astype(numpy.float32)
    try:
        return numpy.ascontiguousarray(gguf.quants.quantize(values, kind))
    except NotImplementedError:
        size, width = gguf.GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (ROWS * COLUMNS // size, width), dtype=numpy.uint8)
        for offset in SCALES[name]:
            blocks[:, offset:offset + 2] = random.normal(0, 0.01, len(blocks)).astype("<f2").view(numpy.uint8).reshape(-1, 2)
        return blocks.reshape(ROWS, -1)


def with_extremes(name, kind, data, random):
    """The first row becomes random bytes under scales that are zero, subnormal, large and negative."""
    if name not in SCALES:
        return data
    size, width = gguf.GGML_QUANT_SIZES[kind]
    blocks = data.reshape(-1, width).copy()
    odd = numpy.array([0.0, 6e-8, 3e-5, -1.5, 200.0, -0.0, 1e-3, -7.0], dtype="<f2").view(numpy.uint8).reshape(-1, 2)
    for index in range(COLUMNS // size):
        blocks[index] = random.integers(0, 256, width, dtype=numpy.uint8)
        for place, offset in enumerate(SCALES[name]):
            blocks[index, offset:offset + 2] = odd[(index + 3 * place) % len(odd)]
    return blocks.reshape(data.shape)


def main():
    random = numpy.random.default_rng(5)
    folder = pathlib.Path(__file__).parent / "data"
    path = folder / "dequantize.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -100)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_int32("test.i32", -2000000000)
    writer.add_float32("test.f32", 0.1)
    writer.add_bool("test.true", True)
    writer.add_string("test.text", "naïve Ġ 🦙")
    writer.add_array("test.texts", ["a", "", "ŋ"])
    writer.add_array("test.numbers", [1, -2, 3])
    writer.add_uint64("test.u64", 2**63 + 1)
    writer.add_int64("test.i64", -(2**40))
    writer.add_float64("test.f64", 0.1)
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        data = with_extremes(name, kind, blocks_of(name, kind, random), random)
        expected = gguf.quants.dequantize(data, kind).astype(numpy.float32).reshape(ROWS, COLUMNS)
        if name in ("F32", "F16"):
            writer.add_tensor(name, data)
        else:
            writer.add_tensor(name, data.view(numpy.uint8).reshape(ROWS, -1), raw_dtype=kind)
        writer.add_tensor(name + ".expected", expected)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    lines = [f"{n} {tensors[n].data_offset} {tensors[n + '.expected'].data_offset} {ROWS * COLUMNS}" for n in TYPES]
    (folder / "dequantize.index").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
