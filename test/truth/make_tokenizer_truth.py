"""Ids and texts that transformers and tokenizers give for test/engine/fixtures/tokenizer-strings.jsonl: writes tokenizer-truth.json beside it.

Per tokenizer: six bytes of SHA-256 of each string's ids (as little-endian int32) and of what they decode to, as base64; the same for
texts of rows of ids that no text has (`noise`); some in full. Sources: tokenizer-sources.json; DIR holds a folder for each package, named as
there, SmolLM2's GGUF file in smollm2/ and the SentencePiece models in pieces/.
Made with tokenizers 0.23, transformers 5.23, sentencepiece 0.2 and gguf 0.19: HF_HUB_OFFLINE=1 python3 test/truth/make_tokenizer_truth.py DIR
"""
import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

import tokenizers
import transformers
from tokenizer_strings import CODE, OUTPUT, PROSE, SPECIALS, WORDS, read_strings
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

ROOT = Path(__file__).parent.parent.parent
SOURCES = json.loads((Path(__file__).parent / "tokenizer-sources.json").read_text())
FULL = range(0, 600, 97)

# The pre-tokenizer in SmolLM2's own tokenizer.json, which its GGUF file only names.
SMOLLM = [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]


def short(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:6]


def packed(ids: list[int]) -> bytes:
    return struct.pack(f"<{len(ids)}i", *ids)


def noise(size: int) -> list[list[int]]:
    """Rows of ids as no text gives them: small ids (bytes) and the last ones (special tokens) more often than others."""
    state, rows = 7, []
    for _ in range(64):
        row = []
        for place in range(40):
            state = (state * 1103515245 + 12345) % 2**31
            draw = state >> 8
            row.append(draw % min(300, size) if place % 3 == 0 else size - 1 - draw % 20 if place % 7 == 0 else draw % size)
        rows.append(row)
    return rows


def truth(encode, decode, size: int, begin: list[int], specials: bool = True) -> dict:
    strings = read_strings()
    rows = [encode(text) for text in strings]
    texts = [decode(row, False) for row in rows]
    blob = lambda parts: base64.b64encode(b"".join(map(short, parts))).decode()
    return {
        "vocabularySize": size,
        "begin": begin,
        "specialTokens": specials,
        "ids": blob(map(packed, rows)),
        "texts": blob(text.encode() for text in texts),
        "noise": blob(decode(row, False).encode() for row in noise(size)),
        "noiseSkipped": blob(decode(row, True).encode() for row in noise(size)),
        "full": [{"string": index, "ids": rows[index], "text": texts[index]} for index in FULL if len(rows[index]) < 60],
    }


def of_library(tokenizer: Tokenizer) -> dict:
    begin = tokenizer.encode("").ids
    size = tokenizer.get_vocab_size()
    return truth(lambda text: tokenizer.encode(text, add_special_tokens=False).ids, lambda row, skip: tokenizer.decode(row, skip_special_tokens=skip), size, begin)


def of_package(folder: Path, name: str) -> dict:
    raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    auto = transformers.AutoTokenizer.from_pretrained(folder)
    differing = sum(raw.encode(text, add_special_tokens=False).ids != auto.encode(text, add_special_tokens=False) for text in read_strings())
    print(f"{name}: transformers reads {differing} strings otherwise than its tokenizer.json says")
    if differing > 0:  # transformers 5 builds Llama 2's anew, with a Metaspace step: the file is the truth, and SentencePiece agrees.
        return of_library(raw) | {"transformersDiffers": differing}
    # What is special is as the file says (transformers' class for Gemma adds <mask>).
    decode = lambda row, skip: raw.decode(row, skip_special_tokens=True) if skip else auto.decode(row)
    return truth(lambda text: auto.encode(text, add_special_tokens=False), decode, len(auto), auto.encode(""))


def of_sentencepiece(path: Path) -> dict:
    """SentencePiece itself knows no special tokens in a text."""
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(str(path))
    texts = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    kept = lambda row, skip: [piece for piece in row if not (skip and (model.is_control(piece) or model.is_unknown(piece)))]
    decode = lambda row, skip: texts.decode([model.id_to_piece(piece) for piece in kept(row, skip)])
    return truth(lambda text: model.encode(text), decode, model.vocab_size(), [model.bos_id()], specials=False)


def of_gguf(path: Path) -> dict:
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    read = lambda key: fields[f"tokenizer.ggml.{key}"].contents()
    tokens, types = read("tokens"), read("token_type")
    auto = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    added = [{"id": id, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for id, text in enumerate(tokens) if types[id] == 3]
    level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {text: id for id, text in enumerate(tokens)}, "merges": read("merges")}
    own = Tokenizer.from_str(json.dumps({"version": "1.0", "added_tokens": added, "pre_tokenizer": {"type": "Sequence", "pretokenizers": SMOLLM}, "decoder": level, "model": model}))
    differing = [text for text in read_strings() if own.encode(text, add_special_tokens=False).ids != auto.encode(text, add_special_tokens=False)]
    print(f"smollm2: transformers, which passes over tokenizer.ggml.pre, reads {len(differing)} strings otherwise, as {differing[:4]!r}")
    return of_library(own) | {"transformersDiffers": len(differing)}


def of_file(source: dict) -> dict:
    file = json.loads((ROOT / source["file"]).read_text()) | source.get("set", {})
    return file | {"model": file["model"] | source.get("model", {})}


def make_pieces() -> None:
    """The small tokenizer in the manner of SentencePiece, with tokens for bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256) if byte != 0xFE]  # without one byte, so that some text is unknown
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=special, show_progress=False, limit_alphabet=150)
    tokenizer.train_from_iterator([*CODE, *PROSE, " ".join(WORDS)] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = file["added_tokens"][:3]
    file["added_tokens"].append({"id": len(file["model"]["vocab"]), "content": "n e", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False})
    (OUTPUT.parent / "tokenizer-pieces.json").write_text(json.dumps(file, ensure_ascii=True, separators=(",", ":")) + "\n")


# Characters as SentencePiece maps them: ligatures, wide letters, an accent that joins, and what is not a text of its own (e is, so is e with an accent).
RULES = {"\ufb01": "fi", "\uff21": "A", "\uff1c": "<", "e\u0301": "\u00e9", "\u2126": "\u03a9", "\t": " ", "\u3000": " ", "\u200b": "", "\u2460": "1", "\U0001f170": "[A]"}


def make_unigram(path: Path) -> None:
    """A small Unigram tokenizer as SentencePiece trains it and transformers converts it, with a map of characters and tokens for bytes."""
    import io
    import tempfile

    import sentencepiece

    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        code_points = lambda text: " ".join(f"{ord(character):X}" for character in text)
        rules.write("".join(f"{code_points(source)}\t{code_points(target)}\n" for source, target in RULES.items()))
        rules.flush()
        model = io.BytesIO()
        texts = [text.replace("\n", " ") for text in [*CODE, *PROSE, " ".join(WORDS)] * 3]
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, model_type="unigram", vocab_size=900, hard_vocab_limit=False, byte_fallback=True, character_coverage=0.98,
            normalization_rule_tsv=rules.name, user_defined_symbols=["<|im_end|>"], num_threads=1, minloglevel=2)
    path.write_bytes(model.getvalue())
    (OUTPUT.parent / "tokenizer-unigram.json").write_text(json.dumps(unigram_json(path), ensure_ascii=True, separators=(",", ":")) + "\n")


def unigram_json(path: Path) -> dict:
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(path.read_bytes())
    vocab = [[piece.piece, piece.score] for piece in proto.pieces]
    charsmap = base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()
    added = [{"id": id, "content": vocab[id][0], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": proto.pieces[id].type != 4} for id in range(len(vocab)) if proto.pieces[id].type in (2, 3, 4)]
    mark = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    steps = [{"type": "Precompiled", "precompiled_charsmap": charsmap}, {"type": "Strip", "strip_left": False, "strip_right": True}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": {"type": "Sequence", "normalizers": steps}, "pre_tokenizer": mark,
        "post_processor": None, "decoder": mark, "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab": vocab},
    }


def main() -> None:
    folder = Path(sys.argv[1])
    # Training is not the same each time: what is there is kept.
    if not (OUTPUT.parent / "tokenizer-pieces.json").exists():
        make_pieces()
    if not (folder / "unigram.model").exists():
        make_unigram(folder / "unigram.model")
    results = {name: of_library(Tokenizer.from_str(json.dumps(of_file(source)))) for name, source in SOURCES["files"].items()}
    results |= {name: of_package(folder / name, name) for name in SOURCES["packages"]}
    results |= {name: of_sentencepiece(folder / "pieces" / name) for name in SOURCES["pieces"]["sha256"]}
    results["smollm2"] = of_gguf(next((folder / "smollm2").glob("*.gguf")))
    made = {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in results.items())
    path = OUTPUT.parent / "tokenizer-truth.json"
    path.write_text(f'{{"made": {json.dumps(made)}, "results": {{\n{lines}\n}}}}\n')
    print(f"{path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
