"""Lets transformers read what `azr export` writes: the exports of export-cases.ts must load without a missing or unexpected
tensor, hold the weights of the model they are of (rounded to their type, to the bit) and give the same logits to the bit.
Then test/truth/data/export.json gets the SHA-256 of their files, by which test/engine/export.test.ts knows that exports are
still those that were read here.

    node --import ./scripts/lib/typescript-hooks.mjs test/truth/export-cases.ts FOLDER
    python3 test/truth/check_export.py FOLDER models/seedling

Run with transformers 5.23.0 and torch 2.11.0 (CPU, one thread).
"""
import hashlib
import json
import pathlib
import sys

import torch
import transformers

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load(folder):
    model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not report[kind], (folder, kind, report[kind])
    return model.eval()


def main(folder, seedling):
    torch.set_num_threads(1)
    digests = {}
    for exported in sorted(folder.glob("*-*")):
        name = exported.name.split("-")[0]
        original, copy = load(seedling if name == "seedling" else folder / name), load(exported)
        stored = TYPES[json.loads((exported / "config.json").read_text())["torch_dtype"]]
        for tensor in original.parameters():
            tensor.data = tensor.data.to(stored).float()
        weights, copied = original.state_dict(), copy.state_dict()
        assert weights.keys() == copied.keys()
        assert all(torch.equal(weights[key], copied[key]) for key in weights), exported
        tokens = torch.randint(0, original.config.vocab_size, (2, 24), generator=torch.Generator().manual_seed(7))
        with torch.no_grad():
            assert torch.equal(original(tokens).logits, copy(tokens).logits), exported
        files = sorted(path for path in exported.iterdir() if path.name.startswith(("model", "config")))
        digests[exported.name] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        print(exported.name, "as", stored, "reads back with identical weights and logits")
    out = pathlib.Path(__file__).parent / "data" / "export.json"
    out.write_text(json.dumps(digests, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
