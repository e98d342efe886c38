"""Texts and token ids that transformers' apply_chat_template gives for test/engine/fixtures/chat-conversations.json: writes chat-truth.json beside it.

Of the ids six bytes of SHA-256 (as little-endian int32); none for Mistral's templates, which come without a tokenizer.
DIR holds a folder a model: those of tokenizer-sources.json, SmolLM2's GGUF file in smollm2/, and Mistral's templates in templates/. `null` stands for messages that a template refuses.
Made with transformers 5.23: python3 test/truth/make_chat_truth.py DIR
"""
import hashlib
import json
import struct
import sys
from datetime import datetime
from pathlib import Path

import transformers
from tokenizers import Tokenizer, models
from transformers.utils import chat_template_utils

SOURCES = json.loads((Path(__file__).parent / "tokenizer-sources.json").read_text())
FIXTURES = Path(__file__).parent.parent / "engine" / "fixtures"
MODELS = ["qwen2.5", "qwen3", "llama3.1", "llama3.2", "gemma3", "deepseek-v3", "smollm2"]


def tokenizer_of(folder: Path, model: str):
    if model in MODELS:
        gguf = next((path.name for path in (folder / model).glob("*.gguf")), None)
        return transformers.AutoTokenizer.from_pretrained(folder / model, **({"gguf_file": gguf} if gguf else {}))
    empty = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1}, "<s>"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=empty, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = (folder / "templates" / model).read_text()
    return tokenizer


class FixedDay(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


def main() -> None:
    chat_template_utils.datetime = FixedDay  # the clock of templates
    conversations = json.loads((FIXTURES / "chat-conversations.json").read_text())
    texts: dict[str, list] = {}
    ids: dict[str, list] = {}
    for model in [*MODELS, *SOURCES["templates"]["sha256"]]:
        tokenizer = tokenizer_of(Path(sys.argv[1]), model)
        rows = texts[model] = []
        hashes: list = []
        if model in MODELS:
            ids[model] = hashes
        for conversation in conversations:
            # Llama 3's template asks for the date unless it is given.
            variables = {"date_string": "26 Jul 2024"} | conversation.get("variables", {})
            try:
                render = lambda tokenize: tokenizer.apply_chat_template(conversation["messages"], tools=conversation.get("tools"), add_generation_prompt=conversation.get("addGenerationPrompt", True), tokenize=tokenize, **variables)
                rows.append(render(False))
                row = render(True)["input_ids"]
                hashes.append(hashlib.sha256(struct.pack(f"<{len(row)}i", *row)).hexdigest()[:12])
            except Exception as error:
                print(model, type(error).__name__, error)
                rows.append(None)
                hashes.append(None)
    (FIXTURES / "chat-truth.json").write_text(json.dumps({"transformers": transformers.__version__, "texts": texts, "ids": ids}, indent=1) + "\n")


if __name__ == "__main__":
    main()
