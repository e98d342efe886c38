"""Ids that llama.cpp gives for test/engine/fixtures/tokenizer-strings.jsonl with vocabularies of GGUF files: writes gguf-tokenizer-truth.json beside it.

Per sort of vocabulary four bytes of SHA-256 of each string's ids (as little-endian int32), as base64; long strings (2000 characters and more) count as empty, since
its patterns overflow the stack there. Byte-level sorts have SmolLM2's tokens and another rule to split texts; "t5" the small Unigram tokenizer of the
fixtures, "gemma4" the tokens of Gemma 3. DIR as for make_tokenizer_truth.py.
Made with llama-cpp-python 0.3.36 and gguf 0.19: python3 test/truth/make_gguf_tokenizer_truth.py DIR
"""
import base64
import hashlib
import json
import struct
import sys
import tempfile
from pathlib import Path

import llama_cpp
from gguf import GGUFReader, GGUFValueType, GGUFWriter
from tokenizer_strings import OUTPUT, read_strings

RULES = ["default", "gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "gpt-4o", "deepseek-coder", "deepseek-v3", "seed-coder"]
STRINGS = [text if len(text) < 2000 else "" for text in read_strings()]


def hashes(model: str, tokens: list[str], types: list[int], pre: str | None = None, scores=None, merges=None, more: dict = {}) -> str:
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        writer = GGUFWriter(file.name, "llama")
        writer.add_context_length(64)
        writer.add_embedding_length(8)
        writer.add_block_count(1)
        writer.add_feed_forward_length(8)
        writer.add_head_count(1)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_tokenizer_model(model)
        writer.add_token_list(tokens)
        writer.add_token_types(types)
        for value, add in ((pre, writer.add_tokenizer_pre), (scores, writer.add_token_scores), (merges, writer.add_token_merges)):
            if value is not None:
                add(value)
        for key, value in more.items():
            kind = {bool: GGUFValueType.BOOL, int: GGUFValueType.UINT32, bytes: GGUFValueType.ARRAY}[type(value)]
            writer.add_key_value(f"tokenizer.ggml.{key}", value, kind, **({"sub_type": GGUFValueType.UINT8} if kind == GGUFValueType.ARRAY else {}))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        vocabulary = llama_cpp.Llama(model_path=file.name, vocab_only=True, verbose=False)
    rows = [vocabulary.tokenize(text.encode(), add_bos=False, special=True) for text in STRINGS]
    return base64.b64encode(b"".join(hashlib.sha256(struct.pack(f"<{len(row)}i", *row)).digest()[:4] for row in rows)).decode()


def types_of(tokens: list[str], added: list[dict]) -> list[int]:
    types = [6 if len(token) == 6 and token.startswith("<0x") else 1 for token in tokens]
    for token in added:
        if token["id"] < len(types):
            types[token["id"]] = 2 if token["content"] == "<unk>" else 3 if token["special"] else 4
    return types


def unigram() -> str:
    file = json.loads((OUTPUT.parent / "tokenizer-unigram.json").read_text())
    tokens, scores = map(list, zip(*file["model"]["vocab"]))
    charsmap = base64.b64decode(file["normalizer"]["normalizers"][0]["precompiled_charsmap"])
    more = {"remove_extra_whitespaces": True, "add_space_prefix": True, "unknown_token_id": 0, "precompiled_charsmap": charsmap}
    return hashes("t5", tokens, types_of(tokens, file["added_tokens"]), scores=scores, more=more)


def gemma(folder: Path) -> str:
    file = json.loads((folder / "gemma3" / "tokenizer.json").read_text())
    vocab = file["model"]["vocab"]
    tokens = [f"[gap{id}]" for id in range(max(vocab.values()) + 1)]
    for token, id in vocab.items():
        tokens[id] = token
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in file["model"]["merges"]]
    return hashes("gemma4", tokens, types_of(tokens, file["added_tokens"]), merges=merges, more={"unknown_token_id": vocab["<unk>"]})


@llama_cpp.llama_log_callback
def silent(*_):
    pass


def main() -> None:
    folder = Path(sys.argv[1])
    llama_cpp.llama_log_set(silent, None)
    fields = GGUFReader(next((folder / "smollm2").resolve().glob("*.gguf"))).fields
    tokens, types, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    ids = {pre: hashes("gpt2", tokens, types, pre=pre, merges=merges) for pre in RULES} | {"t5": unigram(), "gemma4": gemma(folder)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(blob)}" for name, blob in ids.items())
    (OUTPUT.parent / "gguf-tokenizer-truth.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
