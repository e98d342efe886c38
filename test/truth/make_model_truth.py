"""Makes the numbers that native/test/engine_truth_test.cc and test/engine/truth.test.ts check the engine against: a tiny
random model of transformers of each family: its config.json, its weights, a batch of token ids, the logits, the loss, the
gradients, and ten steps of torch.optim.AdamW with clipping and weight decay.

    python3 test/truth/make_model_truth.py [NAME]...      # writes test/truth/data/NAME.{json,index,data}

Made with transformers 5.23.0 and torch 2.11.0 (CPU, one thread). The model runs in double precision from weights that are
exact in single precision (transformers does norms, softmax and rotary angles in single precision even then); results are
stored as float32.

Format. NAME.data holds little-endian float32 arrays end to end. NAME.index is text, one array a line:
`name first-element dimension...`, and lines `set name value` for numbers. Token ids are stored as floats.
"""
import json
import pathlib
import sys

import numpy
import torch
import transformers

SIZES = dict(
    vocab_size=35, hidden_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
    intermediate_size=16, max_position_embeddings=64, rms_norm_eps=1e-5)
OPTIMIZER = dict(lr=3e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
ROPE = {"rope_type": "default", "rope_theta": 10000.0}
# Of the 8 frequencies of a head, the first are kept, the last are divided, and those between are mixed.
STRETCHED = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
             "original_max_position_embeddings": 32}
# Gemma 3's two kinds of layers: those with a window turn by frequencies of their own, the others by stretched ones.
TWO_ROPES = {"sliding_attention": {"rope_type": "default", "rope_theta": 1000.0},
             "full_attention": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 8.0}}
GEMMA3 = dict(
    rope_parameters=TWO_ROPES, tie_word_embeddings=True, sliding_window=5, layer_types=["sliding_attention", "full_attention"],
    query_pre_attn_scalar=24, pad_token_id=None)  # torch gives the embedding of a padding token no gradient
# Name: class of transformers, its configuration beside SIZES, and the seed.
MODELS = {
    "llama-tied": ("Llama", dict(rope_parameters=ROPE, tie_word_embeddings=True), 21),
    "llama-untied": ("Llama", dict(rope_parameters=ROPE, tie_word_embeddings=False), 20),
    "llama3": ("Llama", dict(rope_parameters=STRETCHED, tie_word_embeddings=False), 22),
    "mistral": ("Mistral", dict(rope_parameters=ROPE, sliding_window=None, tie_word_embeddings=False), 23),
    "qwen2": ("Qwen2", dict(rope_parameters=ROPE, tie_word_embeddings=True, use_sliding_window=False), 24),
    "qwen3": ("Qwen3", dict(rope_parameters=ROPE, tie_word_embeddings=False, use_sliding_window=False), 25),
    "mistral-window": ("Mistral", dict(rope_parameters=ROPE, sliding_window=4, tie_word_embeddings=False), 26),
    "qwen2-window": ("Qwen2", dict(rope_parameters=ROPE, tie_word_embeddings=True, use_sliding_window=True, sliding_window=3, max_window_layers=1), 27),
    "gemma3": ("Gemma3", GEMMA3, 28),
}
CLIP_NORM = 2.2  # some of the steps are clipped
STEPS = 10
ROWS, LENGTH = 4, 11


class Store:
    def __init__(self):
        self.index, self.arrays, self.size = [], [], 0

    def array(self, name, values):
        values = numpy.ascontiguousarray(values, dtype="<f4")
        self.index.append(" ".join([name, str(self.size)] + [str(d) for d in values.shape]))
        self.arrays.append(values.tobytes())
        self.size += values.size

    def number(self, name, value):
        self.index.append(f"set {name} {value!r}")

    def write(self, path):
        path.with_suffix(".index").write_text("\n".join(self.index) + "\n")
        path.with_suffix(".data").write_bytes(b"".join(self.arrays))


def random_model(family, settings, generator):
    sizes = dict(SIZES)
    if family == "Qwen2":  # the head size follows from the others there
        sizes.update(num_attention_heads=2, num_key_value_heads=1, hidden_size=2 * sizes.pop("head_dim"))
    config = getattr(transformers, {"Gemma3": "Gemma3Text"}.get(family, family) + "Config")(**sizes, **settings, attn_implementation="eager")
    model = getattr(transformers, family + "ForCausalLM")(config).double().train()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            around = 0 if name.endswith(".bias") or family == "Gemma3" else 1  # norms of Gemma multiply by 1 + w
            fresh = around + 0.3 * noise if parameter.dim() == 1 else 1.2 * noise / parameter.shape[1] ** 0.5
            parameter.copy_(fresh.float().double())
    return model


def cross_entropy(model, tokens, prompts):
    """Sum of -log p over the tokens after each row's prompt, divided by how many there are."""
    logits = model(input_ids=tokens, use_cache=False).logits
    log_p = torch.log_softmax(logits.double(), -1)[:, :-1].gather(2, tokens[:, 1:, None])[..., 0]
    trained = torch.arange(1, LENGTH)[None, :] >= prompts[:, None]
    return logits, -(log_p * trained).sum() / trained.sum()


def train(store, model, trained, tokens, prompts, look=lambda logits: None):
    """Ten steps of AdamW over `trained`, parameters by name: stores losses, gradient norms and the parameters after them. `look` is called once, with the
    logits of the first step, when its gradients are there. Returns the course as text."""
    optimizer = torch.optim.AdamW(trained.values(), foreach=False, **OPTIMIZER)
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        logits, loss = cross_entropy(model, tokens, prompts)
        loss.backward()
        if step == 0:
            look(logits)
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(trained.values(), CLIP_NORM).item())
        optimizer.step()
    store.array("losses", numpy.array(losses))
    store.array("gradient-norms", numpy.array(norms))
    # The whole of every tensor after the last step: first and second sums would hide errors that cancel.
    for tensor, parameter in trained.items():
        store.array("final:" + tensor, parameter.detach().numpy())
    return f"losses {[round(l, 4) for l in losses]} norms {[round(n, 3) for n in norms]}"


def make(name):
    family, settings, seed = MODELS[name]
    generator = torch.Generator().manual_seed(seed)
    model = random_model(family, settings, generator)
    tokens = torch.randint(0, SIZES["vocab_size"], (ROWS, LENGTH), generator=generator)
    prompts = torch.randint(1, LENGTH - 2, (ROWS,), generator=generator)
    store = Store()
    config = model.config.to_dict()
    for field in SIZES:
        store.number(field, config.get(field) or model.config.hidden_size // model.config.num_attention_heads)
    for field, value in dict(
            rope_theta=ROPE["rope_theta"], tied=int(settings["tie_word_embeddings"]), qkv_bias=int(family == "Qwen2"),
            qk_norm=int(family in ("Qwen3", "Gemma3")), clip_norm=CLIP_NORM, steps=STEPS, learning_rate=OPTIMIZER["lr"],
            beta1=OPTIMIZER["betas"][0], beta2=OPTIMIZER["betas"][1], epsilon=OPTIMIZER["eps"],
            weight_decay=OPTIMIZER["weight_decay"]).items():
        store.number(field, value)
    rotary = model.model.rotary_emb
    if settings["rope_parameters"] is not ROPE:
        half = torch.arange(0, SIZES["head_dim"], 2, dtype=torch.float64) / SIZES["head_dim"]
        frequencies = rotary.full_attention_inv_freq if family == "Gemma3" else rotary.inv_freq
        store.array("rope-factors", (ROPE["rope_theta"] ** -half / frequencies).numpy())
    windows = [getattr(layer.self_attn, "sliding_window", None) or 0 for layer in model.model.layers]
    if family == "Mistral" and settings["sliding_window"]:
        windows = [settings["sliding_window"]] * len(windows)
    if any(windows):
        store.array("windows", numpy.array(windows))
    if family == "Gemma3":
        store.number("local_rope_theta", TWO_ROPES["sliding_attention"]["rope_theta"])
        store.number("attention_scale", settings["query_pre_attn_scalar"] ** -0.5)
        store.number("embedding_scale", SIZES["hidden_size"] ** 0.5)
    parameters = dict(model.named_parameters())
    for tensor, parameter in parameters.items():
        store.array("weight:" + tensor, parameter.detach().numpy())
    store.array("tokens", tokens.numpy())
    store.array("prompts", prompts.numpy())

    def keep_gradients(logits):
        store.array("logits", logits.detach().numpy())
        for tensor, parameter in parameters.items():
            store.array("gradient:" + tensor, parameter.grad.numpy())

    told = train(store, model, parameters, tokens, prompts, keep_gradients)
    path = pathlib.Path(__file__).parent / "data" / name
    store.write(path)
    config["architectures"] = [family + "ForCausalLM"]
    path.with_suffix(".json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    print(name, told)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sys.argv[1:] or MODELS:
        make(each)
