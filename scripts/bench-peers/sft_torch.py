"""Trains a model on given batches with transformers and torch's AdamW, in single precision, and prints the loss of each step.

    OMP_NUM_THREADS=1 python sft_torch.py FOLDER [--reversed]

FOLDER holds `model` (a Hugging Face folder), `batches.jsonl` (one step a line: its rate, and rows with token ids and the ranges of
the trained ones) and `settings.json` (betas, epsilon, weightDecay, clipNorm). `--reversed` takes the rows of each batch in the opposite
order, which is the same but for rounding. Needs transformers; sft.mjs makes the folder.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

IGNORED = -100


def padded(rows):
    """Inputs, attention mask and targets of a batch; each target stands where its token is predicted."""
    longest = max(len(row["tokens"]) for row in rows)
    inputs = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    targets = torch.full((len(rows), longest), IGNORED, dtype=torch.long)
    for index, row in enumerate(rows):
        tokens, trained = row["tokens"], row["trained"]
        inputs[index, : len(tokens)] = torch.tensor(tokens)
        mask[index, : len(tokens)] = 1
        for begin, end in zip(trained[::2], trained[1::2]):
            targets[index, begin - 1 : end - 1] = torch.tensor(tokens[begin:end])
    return inputs, mask, targets


def main(folder, backwards):
    logging.disable_progress_bar()
    settings = json.loads((folder / "settings.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.0, betas=tuple(settings["betas"]), eps=settings["epsilon"], weight_decay=settings["weightDecay"]
    )
    for line in (folder / "batches.jsonl").open():
        batch = json.loads(line)
        inputs, mask, targets = padded(batch["rows"][::-1] if backwards else batch["rows"])
        logits = model(input_ids=inputs, attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        if settings["clipNorm"] > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clipNorm"])
        for group in optimizer.param_groups:
            group["lr"] = batch["rate"]
        optimizer.step()
        print(json.dumps({"loss": loss.item()}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--reversed" in sys.argv)
