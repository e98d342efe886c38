"""Makes the logits that transformers gives in bfloat16, weights and arithmetic, for the models and the tokens that
make_model_truth.py stored: what native/test/engine_truth_test.cc compares the engine's bf16 with. Once with the weights as
they are stored, which make logits of up to 6, and once with matrices as small as transformers itself initializes them
(standard deviation 0.02): those stored, times 1/16, which rounds nothing.

    python3 test/truth/make_bfloat16_truth.py      # reads test/truth/data/NAME.*, writes test/truth/data/NAME-bf16.{index,data}

Made with transformers 5.23.0 and torch 2.11.0 (CPU, one thread). The format is that of make_model_truth.py.
"""
import copy
import json
import pathlib

import numpy
import torch
import transformers

from make_model_truth import MODELS, Store

FOLDER = pathlib.Path(__file__).parent / "data"
ARRAYS = {"logits": 1.0, "initial-logits": 1 / 16}


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
    store = Store()
    for array, scale in ARRAYS.items():
        with torch.no_grad():
            for parameter in model.float().parameters():
                if parameter.dim() == 2:
                    parameter.mul_(scale)
            rounded = copy.deepcopy(model).bfloat16()
            exact = model.double()(input_ids=tokens, use_cache=False).logits
            logits = rounded(input_ids=tokens, use_cache=False).logits.float()
        store.array(array, logits.numpy())
        print(f"{name}: {array} up to {exact.abs().max():.2f}, bfloat16 off by {(logits - exact).abs().max():.4f} at most, "
              f"{(logits - exact).norm() / exact.norm():.4f} in norm")
    store.write(FOLDER / f"{name}-bf16")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in MODELS:
        make(each)
