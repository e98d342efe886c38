"""Makes the numbers that test/engine/lora.test.ts checks adapters against: on models of make_model_truth.py (their stored
weights, tokens and optimizer) the Python package peft puts low-rank adapters, both parts random; ten steps of
torch.optim.AdamW over the adapters alone, the adapters after them and the weights that peft merges.

    python3 test/truth/make_lora_truth.py       # writes test/truth/data/lora-NAME.{json,index,data}

Made with peft 0.21.2, transformers 5.23.0 and torch 2.11.0 (CPU, one thread), in double precision. The format is that of
make_model_truth.py; lora-NAME.json is the adapter_config.json that peft wrote.
"""
import json
import pathlib
import tempfile

import numpy
import peft
import torch
import transformers

from make_model_truth import Store, train

DATA = pathlib.Path(__file__).parent / "data"
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# Name of the model: rank, alpha, targets, and the seed.
ADAPTERS = {"llama-untied": (3, 6, ALL, 31), "qwen3": (2, 5, ["q_proj", "v_proj", "down_proj"], 32), "gemma3": (4, 8, ALL, 33)}


def stored(name):
    """The model of a truth with its tokens and the lengths of its prompts."""
    values = numpy.fromfile(DATA / f"{name}.data", dtype="<f4")
    arrays = {}
    for line in (DATA / f"{name}.index").read_text().splitlines():
        first, second, *shape = line.split(" ")
        if first != "set":
            shape = [int(side) for side in shape]
            arrays[first] = torch.from_numpy(values[int(second):int(second) + int(numpy.prod(shape))].reshape(shape))
    fields = json.loads((DATA / f"{name}.json").read_text())
    model_class = getattr(transformers, fields["architectures"][0])
    config = transformers.AutoConfig.for_model(**fields)
    config._attn_implementation = "eager"
    model = model_class(config).double().train()
    with torch.no_grad():
        for tensor, parameter in model.named_parameters():
            parameter.copy_(arrays["weight:" + tensor].double())
    return model, arrays["tokens"].long(), arrays["prompts"].long()


def make(name):
    rank, alpha, targets, seed = ADAPTERS[name]
    model, tokens, prompts = stored(name)
    model = peft.get_peft_model(model, peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, task_type="CAUSAL_LM"), autocast_adapter_dtype=False)
    generator = torch.Generator().manual_seed(seed)
    adapters = {tensor.replace(".default", ""): parameter for tensor, parameter in model.named_parameters() if parameter.requires_grad}
    with torch.no_grad():
        for parameter in adapters.values():
            parameter.copy_((0.15 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)).float().double())
    assert set(adapters) == set(peft.get_peft_model_state_dict(model))
    store = Store()
    store.number("rank", rank)
    store.number("alpha", alpha)
    for tensor, parameter in adapters.items():
        store.array("adapter:" + tensor, parameter.detach().numpy())
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        config = json.loads((pathlib.Path(folder) / "adapter_config.json").read_text())
    told = train(store, model, adapters, tokens, prompts)
    for tensor, parameter in model.merge_and_unload().named_parameters():
        if any(f".{target}." in tensor for target in targets):
            store.array("merged:" + tensor, parameter.detach().numpy())
    path = DATA / f"lora-{name}"
    store.write(path)
    config["target_modules"] = sorted(config["target_modules"])
    path.with_suffix(".json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    print(name, told)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in ADAPTERS:
        make(each)
