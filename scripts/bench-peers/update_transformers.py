"""Trains with transformers what `azr bench update` trains: the same model and token ids, whole steps of forward, backward, clipping and AdamW. Prints one
JSON object. Started by update.mjs; needs transformers, torch, and gguf for a GGUF file."""
import json
import os
import resource
import sys
import time

model_path, threads, weights, sequences, length, micro_batch, rounds = sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:8])
os.environ["OMP_NUM_THREADS"] = str(threads)
import torch
import transformers

torch.set_num_threads(threads)
# `mixed` keeps weights, gradients and moments in single precision and computes products in bfloat16, which is what azr's bf16 does.
dtype = {"f32": torch.float32, "mixed": torch.float32, "bf16": torch.bfloat16}[weights]
if model_path.endswith(".gguf"):
    folder, name = os.path.split(model_path)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=dtype)
else:
    model = transformers.AutoModelForCausalLM.from_pretrained(model_path, dtype=dtype)
model.train()
vocabulary = model.config.vocab_size
ids = torch.tensor([(at * 7919 + 13) % max(2, vocabulary - 1) for at in range(sequences * length)]).view(sequences, length)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, fused=True)
together = max(1, micro_batch // length)


def step():
    began = time.perf_counter()
    optimizer.zero_grad()
    for first in range(0, sequences, together):
        part = ids[first:first + together]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=weights == "mixed"):
            loss = model(input_ids=part, labels=part, use_cache=False).loss * (part.shape[0] / sequences)
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return time.perf_counter() - began


step()
rates = sorted(sequences * length / step() for _ in range(rounds))
print(json.dumps(dict(
    version=f"transformers {transformers.__version__}, torch {torch.__version__}",
    tokensPerSecond=rates[(len(rates) - 1) // 2],
    spread=dict(median=rates[(len(rates) - 1) // 2], low=rates[0], high=rates[-1]),
    peakBytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))
