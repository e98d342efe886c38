"""Checks an adapter that the engine wrote with the Python package peft: it must load onto the model without a tensor too many
or too few, and give the log-probabilities that stand beside it.

    python3 test/truth/check_adapter.py MODEL_FOLDER ADAPTER_FOLDER SCORES.json

SCORES.json holds `tokens`, one row of ids, and `logProbabilities`, those of all but the first. Run with peft 0.21.2,
transformers 5.23.0 and torch 2.11.0.
"""
import json
import sys
import warnings

import peft
import torch
import transformers

folder, adapter, scores = sys.argv[1:]
warnings.filterwarnings("error", ".*(missing|unexpected).*keys")  # what peft says when names do not fit
base = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
model = peft.PeftModel.from_pretrained(base, adapter)
found = {name.replace(".default", ""): value for name, value in model.named_parameters() if "lora_" in name}
expected = json.loads(open(scores).read())
tokens = torch.tensor([expected["tokens"]])
with torch.no_grad():
    log_p = torch.log_softmax(model(input_ids=tokens).logits.double(), -1)[0, :-1].gather(1, tokens[0, 1:, None])[:, 0]
    merged = torch.log_softmax(model.merge_and_unload()(input_ids=tokens).logits.double(), -1)[0, :-1].gather(1, tokens[0, 1:, None])[:, 0]
given = torch.tensor(expected["logProbabilities"], dtype=torch.float64)
print(f"{len(found)} tensors; largest difference {(log_p - given).abs().max().item():.2e}, merged {(merged - given).abs().max().item():.2e}")
assert (log_p - given).abs().max() < 1e-4 and (merged - given).abs().max() < 1e-4
