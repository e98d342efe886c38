"""Decodes with llama.cpp what `azr bench decode` decodes: the same numbers of rows, prompt tokens and new tokens, each step one llama_decode of a
token a row. Tokens are fixed by a rule, so nothing is spent on sampling. Threads, flash attention and how the cache is laid out are tried first, a
short round each; the best goes on. Prints one JSON object. Started by run.mjs; needs llama-cpp-python."""
import ctypes
import importlib.metadata
import json
import sys
import time

import llama_cpp as llama

model_path, threads, batches, prompt_tokens, new_tokens, shared, shared_prompt, rounds, chosen = sys.argv[1], *map(json.loads, sys.argv[2:10])
system = llama.llama_print_system_info().decode()
silent = llama.llama_log_callback(lambda *_: None)
llama.llama_log_set(silent, ctypes.c_void_p(0))
llama.llama_backend_init()
model = llama.llama_model_load_from_file(model_path.encode(), llama.llama_model_default_params())
if not model:
    sys.exit(f"llama.cpp cannot read {model_path}")
vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))


class Decoding:
    """One context, made for one setting, and the tokens of one measurement."""

    def __init__(self, setting, batch, length, is_shared):
        self.setting, self.batch, self.length, self.is_shared = setting, batch, length, is_shared
        padded = lambda cells: -(-cells // 256) * 256
        together = length + batch * new_tokens if is_shared else batch * (length + new_tokens)
        params = llama.llama_context_default_params()
        params.n_ctx = padded(together) if setting["unified"] else batch * padded(length + new_tokens)
        params.n_batch = params.n_ubatch = 512
        params.n_seq_max = batch
        params.n_threads = params.n_threads_batch = setting["threads"]
        params.flash_attn_type = int(setting["flashAttention"])
        params.kv_unified = setting["unified"]
        params.no_perf = True
        self.context = llama.llama_init_from_model(model, params)
        if not self.context:
            raise RuntimeError(f"llama.cpp makes no context for {setting}")
        self.memory = llama.llama_get_memory(self.context)
        self.tokens = llama.llama_batch_init(max(512, batch), 0, 1)

    def close(self):
        llama.llama_batch_free(self.tokens)
        llama.llama_free(self.context)

    def decode(self, entries):
        """entries: (token, position, row, whether its logits are wanted), at most 512."""
        tokens = self.tokens
        tokens.n_tokens = len(entries)
        for at, (token, position, row, wanted) in enumerate(entries):
            tokens.token[at], tokens.pos[at], tokens.n_seq_id[at], tokens.logits[at] = token, position, 1, wanted
            tokens.seq_id[at][0] = row
        if llama.llama_decode(self.context, tokens) != 0:
            raise RuntimeError("llama_decode failed")
        llama.llama_synchronize(self.context)

    def run(self, tokens):
        """Seconds of the prompts with the first new token of each row, and of the decoding that follows."""
        llama.llama_memory_clear(self.memory, True)
        token = lambda at: (at * 7919 + 13) % (vocabulary - 1)
        began = time.perf_counter()
        rows = 1 if self.is_shared else self.batch
        prompt = [(token(row * self.length + at), at, row, at == self.length - 1) for row in range(rows) for at in range(self.length)]
        for first in range(0, len(prompt), 512):
            self.decode(prompt[first : first + 512])
        if self.is_shared:
            for row in range(1, self.batch):
                llama.llama_memory_seq_cp(self.memory, 0, row, -1, -1)
        prompted = time.perf_counter()
        for step in range(tokens - 1):
            self.decode([(token(step * self.batch + row), self.length + step, row, True) for row in range(self.batch)])
        return prompted - began, time.perf_counter() - prompted


def spread(values):
    values = sorted(values)
    return dict(median=values[(len(values) - 1) // 2], low=values[0], high=values[-1])


def best_setting(batch, length, is_shared):
    tried = []
    for unified in [True] if batch == 1 else [True, False]:
        for flash in [False, True]:
            for count in sorted({threads, 1}):
                setting, tokens = dict(threads=count, flashAttention=flash, unified=unified), min(new_tokens, 9)
                decoding = Decoding(setting, batch, length, is_shared)
                _, seconds = decoding.run(tokens)
                decoding.close()
                tried.append(dict(setting, tokensPerSecond=batch * (tokens - 1) / seconds))
    best = max(tried, key=lambda one: one["tokensPerSecond"])
    return {key: best[key] for key in ("threads", "flashAttention", "unified")}, tried


def measure(batch, length, is_shared, setting):
    tried = []
    if setting is None:
        setting, tried = best_setting(batch, length, is_shared)
    decoding = Decoding(setting, batch, length, is_shared)
    decoding.run(2)
    times = [decoding.run(new_tokens) for _ in range(rounds)]
    decoding.close()
    rates = spread(batch * (new_tokens - 1) / after for _, after in times)
    whole = spread(batch * new_tokens / sum(both) for both in times)
    return dict(batch=batch, shared=is_shared, tokensPerSecond=rates["median"], spread=rates, wholeTokensPerSecond=whole["median"], setting=setting, tried=tried)


cases = [(batch, prompt_tokens, False) for batch in batches] + ([(shared, shared_prompt, True)] if shared > 0 else [])
settings = chosen or [None] * len(cases)
rows = [measure(*case, setting) for case, setting in zip(cases, settings)]
print(json.dumps(dict(version=f"llama-cpp-python {importlib.metadata.version('llama_cpp_python')}", system=system, rows=rows)))
