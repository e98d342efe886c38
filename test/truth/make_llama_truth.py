"""Makes the numbers that native/test/engine_truth_test.cc and test/engine/truth.test.ts check the engine against: a tiny
random LlamaForCausalLM of transformers, once with a tied and once with an untied head: its weights, a batch of token ids,
the logits, the loss, the gradients, and ten steps of torch.optim.AdamW with clipping and weight decay.

    python3 test/truth/make_llama_truth.py            # writes test/truth/data/llama-{tied,untied}.{index,data}

Made with transformers 5.23.0 and torch 2.11.0 (CPU, one thread). The model runs in double precision from weights that are
exact in single precision (transformers does norms, softmax and rotary angles in single precision even then); results are
stored as float32.

Format. NAME.data holds little-endian float32 arrays end to end. NAME.index is text, one array a line:
`name first-element dimension...`, and lines `set name value` for numbers. Token ids are stored as floats.
"""
import pathlib

import numpy
import torch
import transformers

SIZES = dict(
    vocab_size=35, hidden_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
    intermediate_size=16, max_position_embeddings=64, rms_norm_eps=1e-5)
OPTIMIZER = dict(lr=3e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
ROPE_THETA = 10000.0
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


def random_model(tied, generator):
    config = transformers.LlamaConfig(
        **SIZES, rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA}, tie_word_embeddings=tied,
        attn_implementation="eager")
    model = transformers.LlamaForCausalLM(config).double().train()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            fresh = 1 + 0.3 * noise if parameter.dim() == 1 else 1.2 * noise / parameter.shape[1] ** 0.5
            parameter.copy_(fresh.float().double())
    return model


def cross_entropy(model, tokens, prompts):
    """Sum of -log p over the tokens after each row's prompt, divided by how many there are."""
    logits = model(input_ids=tokens, use_cache=False).logits
    log_p = torch.log_softmax(logits.double(), -1)[:, :-1].gather(2, tokens[:, 1:, None])[..., 0]
    trained = torch.arange(1, LENGTH)[None, :] >= prompts[:, None]
    return logits, -(log_p * trained).sum() / trained.sum()


def make(tied):
    generator = torch.Generator().manual_seed(20 + tied)
    model = random_model(tied, generator)
    tokens = torch.randint(0, SIZES["vocab_size"], (ROWS, LENGTH), generator=generator)
    prompts = torch.randint(1, LENGTH - 2, (ROWS,), generator=generator)
    store = Store()
    for name, value in SIZES.items():
        store.number(name, value)
    for name, value in dict(
            rope_theta=ROPE_THETA, tied=int(tied), clip_norm=CLIP_NORM, steps=STEPS, learning_rate=OPTIMIZER["lr"],
            beta1=OPTIMIZER["betas"][0], beta2=OPTIMIZER["betas"][1], epsilon=OPTIMIZER["eps"],
            weight_decay=OPTIMIZER["weight_decay"]).items():
        store.number(name, value)
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        store.array("weight:" + name, parameter.detach().numpy())
    store.array("tokens", tokens.numpy())
    store.array("prompts", prompts.numpy())

    optimizer = torch.optim.AdamW(model.parameters(), foreach=False, **OPTIMIZER)
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        logits, loss = cross_entropy(model, tokens, prompts)
        loss.backward()
        if step == 0:
            store.array("logits", logits.detach().numpy())
            for name, parameter in parameters.items():
                store.array("gradient:" + name, parameter.grad.numpy())
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM).item())
        optimizer.step()
    store.array("losses", numpy.array(losses))
    store.array("gradient-norms", numpy.array(norms))
    # The whole of every tensor after the last step: first and second sums would hide errors that cancel.
    for name, parameter in parameters.items():
        store.array("final:" + name, parameter.detach().numpy())
    store.write(pathlib.Path(__file__).parent / "data" / ("llama-tied" if tied else "llama-untied"))
    print("tied" if tied else "untied", "losses", [round(l, 4) for l in losses], "norms", [round(n, 3) for n in norms])


if __name__ == "__main__":
    torch.set_num_threads(1)
    make(tied=True)
    make(tied=False)
