"""Decodes with transformers what `azr bench decode` decodes: the same GGUF file in single precision, the same prompts by the same rule, the same
numbers of rows and tokens. Prints one JSON object. Started by run.mjs; needs transformers, torch and gguf."""
import json
import os
import sys
import time

model_path, threads, batches, prompt_tokens, new_tokens, shared, rounds = sys.argv[1], *map(json.loads, sys.argv[2:8])
os.environ["OMP_NUM_THREADS"] = str(threads)
import torch
import transformers

torch.set_num_threads(threads)
folder, name = os.path.split(model_path)
model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
vocabulary = model.config.vocab_size


def seconds(ids, tokens):
    began = time.perf_counter()
    with torch.no_grad():
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, max_new_tokens=tokens, min_new_tokens=tokens,
                       pad_token_id=0, top_k=0)
    return time.perf_counter() - began


def measure(batch, length, is_shared):
    rows = 1 if is_shared else batch
    ids = torch.tensor([(at * 7919 + 13) % (vocabulary - 1) for at in range(rows * length)]).view(rows, length)
    ids = ids.expand(batch, length).contiguous()
    seconds(ids, 2)
    rates = []
    for _ in range(rounds):
        prompt, whole = seconds(ids, 1), seconds(ids, new_tokens)
        rates.append(batch * (new_tokens - 1) / (whole - prompt))
    rates.sort()
    return dict(batch=batch, shared=is_shared, tokensPerSecond=rates[len(rates) // 2], low=rates[0], high=rates[-1])


rows = [measure(batch, prompt_tokens, False) for batch in batches]
if shared > 0:
    rows.append(measure(shared, 512, True))
print(json.dumps(dict(transformers=transformers.__version__, torch=torch.__version__, rows=rows)))
