"""Makes a GGUF file of another precision from a GGUF file, with llama.cpp's own function. Values that were rounded before stay rounded: all that
is asked of the result is that every peer reads the same.
    python requantize.py FROM.gguf TO.gguf f32|bf16|q8"""
import os
import sys

import llama_cpp as llama

source, target, weights = sys.argv[1:]
types = dict(f32=llama.LLAMA_FTYPE_ALL_F32, bf16=llama.LLAMA_FTYPE_MOSTLY_BF16, q8=llama.LLAMA_FTYPE_MOSTLY_Q8_0)
params = llama.llama_model_quantize_default_params()
params.ftype = types[weights]
params.allow_requantize = True
params.pure = True  # every matrix alike
partial = f"{target}.part"
if llama.llama_model_quantize(source.encode(), partial.encode(), params) != 0:
    sys.exit(f"llama.cpp could not make {target} from {source}")
os.replace(partial, target)
