"""Makes the logits that transformers gives in bfloat16, weights and arithmetic, for the models and the tokens that
make_model_truth.py stored: what native/test/engine_truth_test.cc compares the engine's bf16 with.

    python3 test/truth/make_bfloat16_truth.py      # reads test/truth/data/NAME.*, writes test/truth/data/NAME-bf16.{index,data}

Made with transformers 5.23.0 and torch 2.11.0 (CPU, one thread). The format is that of make_model_truth.py.
"""
import json
import pathlib

import numpy
import torch
import transformers

from make_model_truth import MODELS, Store

FOLDER = pathlib.Path(__file__).parent / "data"


def stored(name):
    numbers = numpy.fromfile(FOLDER / f"{name}.data", dtype="<f4")
    arrays = {}
    for line in (FOLDER / f"{name}.index").read_text().splitlines():
        word, *rest = line.split()
        if word == "set":
            continue
        first, *shape = map(int, rest)
        arrays[word] = torch.tensor(numbers[first:first + int(numpy.prod(shape))].reshape(shape))
    return arrays


def make(name):
    arrays = stored(name)
    config = json.loads((FOLDER / f"{name}.json").read_text())
    model_class = getattr(transformers, config["architectures"][0])
    model = model_class(model_class.config_class(**{**config, "attn_implementation": "eager"})).eval()
    missing, unexpected = model.load_state_dict({tensor.removeprefix("weight:"): values for tensor, values in arrays.items()
                                                 if tensor.startswith("weight:")}, strict=False)
    assert not unexpected and all(tensor == "lm_head.weight" for tensor in missing), (missing, unexpected)
    tokens = arrays["tokens"].long()
    with torch.no_grad():
        exact = model.double()(input_ids=tokens, use_cache=False).logits
        logits = model.bfloat16()(input_ids=tokens, use_cache=False).logits.float()
    store = Store()
    store.array("logits", logits.numpy())
    store.write(FOLDER / f"{name}-bf16")
    print(f"{name}: largest logit {exact.abs().max():.2f}, bfloat16 off by {(logits - exact).abs().max():.4f} at most, "
          f"{(logits - exact).norm() / exact.norm():.4f} in norm")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in MODELS:
        make(each)
