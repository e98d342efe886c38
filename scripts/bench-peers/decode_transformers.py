"""Decodes with transformers what `azr bench decode` decodes: the same GGUF file, the same prompts by the same rule, the same numbers of rows and
tokens, in single precision or bfloat16. Threads and the kind of cache are tried first, a round each; the best goes on. Prints one JSON object.
Started by run.mjs; needs transformers, torch and gguf."""
import json
import os
import sys
import time

model_path, weights, threads, batches, prompt_tokens, new_tokens, shared, shared_prompt, rounds, chosen = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:11])
os.environ["OMP_NUM_THREADS"] = str(threads)
import torch
import transformers

torch.set_num_threads(threads)
transformers.utils.logging.disable_progress_bar()
folder, name = os.path.split(model_path)
dtype = dict(f32=torch.float32, bf16=torch.bfloat16)[weights]
model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=dtype).eval()
vocabulary = model.config.vocab_size
# Without compilation, which gained nothing here and takes minutes.
caches = dict(dynamic={}, static=dict(cache_implementation="static", disable_compile=True))


def seconds(ids, tokens, setting):
    torch.set_num_threads(setting["threads"])
    began = time.perf_counter()
    with torch.no_grad():
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, max_new_tokens=tokens, min_new_tokens=tokens,
                       pad_token_id=0, top_k=0, **caches[setting["cache"]])
    return time.perf_counter() - began


def spread(values):
    values = sorted(values)
    return dict(median=values[(len(values) - 1) // 2], low=values[0], high=values[-1])


def measure(batch, length, is_shared, setting):
    rows = 1 if is_shared else batch
    ids = torch.tensor([(at * 7919 + 13) % (vocabulary - 1) for at in range(rows * length)]).view(rows, length)
    ids = ids.expand(batch, length).contiguous()

    # The first token comes with the prompt: a call that makes no other tells what the prompts cost.
    def rate(tokens, setting):
        prompt, whole = seconds(ids, 1, setting), seconds(ids, tokens, setting)
        return batch * (tokens - 1) / max(1e-9, whole - prompt), batch * tokens / whole

    seconds(ids, 2, setting or dict(threads=threads, cache="dynamic"))
    tried = []
    if setting is None:
        for cache in caches:
            for count in sorted({threads, 1}):
                one = dict(threads=count, cache=cache)
                tried.append(dict(one, tokensPerSecond=rate(min(new_tokens, 12), one)[0]))
        best = max(tried, key=lambda one: one["tokensPerSecond"])
        setting = dict(threads=best["threads"], cache=best["cache"])
    rates = [rate(new_tokens, setting) for _ in range(rounds)]
    decoding, whole = spread(rate for rate, _ in rates), spread(rate for _, rate in rates)
    return dict(batch=batch, shared=is_shared, tokensPerSecond=decoding["median"], spread=decoding, wholeTokensPerSecond=whole["median"], setting=setting, tried=tried)


cases = [(batch, prompt_tokens, False) for batch in batches] + ([(shared, shared_prompt, True)] if shared > 0 else [])
settings = chosen or [None] * len(cases)
rows = [measure(*case, setting) for case, setting in zip(cases, settings)]
print(json.dumps(dict(version=f"transformers {transformers.__version__}, torch {torch.__version__}", rows=rows)))
