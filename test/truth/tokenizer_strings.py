"""Hard strings for tokenizers: writes test/engine/fixtures/tokenizer-strings.jsonl, the same bytes on each call.

A line is a JSON string, or {"repeat": TEXT, "times": N}. make_tokenizer_truth.py tells what transformers makes of them.
Run from the repository: python3 test/truth/tokenizer_strings.py
"""
import json
import random
from pathlib import Path

OUTPUT = Path(__file__).parent.parent / "engine" / "fixtures" / "tokenizer-strings.jsonl"

CODE = [
    "def f(a, b=None, *rest, **named):\n    \"\"\"Sum.\"\"\"\n    return sum(x ** 2 for x in a if x % 2 == 0) or b\n",
    "class Tree:\n\tdef __init__(self, left=None):\n\t\tself.left = left  # tabs\n\n\n\t@property\n\tdef depth(self) -> int: ...\n",
    "async function* walk(node) {\n  for await (const child of node?.children ?? []) yield* walk(child);\n}\n// `${a}` => {}\n",
    "type Keys<T> = { readonly [K in keyof T]-?: T[K] extends `on${infer _}` ? K : never }[keyof T];",
    "template <class... T>\nauto sum(T&&... t) -> decltype((t + ...)) { return (std::forward<T>(t) + ...); } // ->*\n",
    "#include <stdio.h>\r\nint main(void) {\r\n    printf(\"%5.2f\\n\", 3.14e-10);\r\n    return 0x7fFF & ~1u;\r\n}\r\n",
    "fn main() -> Result<(), Box<dyn Error>> {\n    let v: Vec<_> = (0..=9).map(|x| x << 1).collect();\n    println!(\"{v:?}\");\n    Ok(())\n}",
    "func (s *Server) Run(ctx context.Context) (err error) {\n\tdefer func() { err = errors.Join(err, s.Close()) }()\n\tselect {}\n}",
    "public static <T extends Comparable<? super T>> T max(Collection<T> all) { return all.stream().max(T::compareTo).get(); }",
    "SELECT u.\"name\", COUNT(*) AS n FROM users u LEFT JOIN orders o ON o.uid = u.id WHERE o.at >= '2024-01-31' GROUP BY 1;",
    "<!DOCTYPE html>\n<p class=\"a b\" data-x='1'>A &amp; B&nbsp;&#8364;</p><!-- done --><br/>",
    "@media (min-width: 40em) { .a > .b:not(:first-child)::after { content: \"\\201C\"; margin: -0.5rem auto !important } }",
    "#!/usr/bin/env bash\nset -euo pipefail\nfor f in \"${@:1}\"; do [[ -f $f ]] && sed -E 's/^[ \\t]+//g' <\"$f\" | tee >(wc -l >&2); done\n",
    "{\"a\": [1, 2.50, -3e+7, null, true], \"b\\u00e9\": {\"\": \"\\\\\"}}",
    "key: &anchor\n  - one\n  - {two: 3}\n  -\n    deep: |+\n      text\n\n",
    "[package]\nname = \"x\"\n\n[[bin]]\npath = 'src\\main.rs'\ndate = 1979-05-27T07:32:00Z\n",
    "sort :: Ord a => [a] -> [a]\nsort (p:xs) = sort [x | x <- xs, x < p] ++ [p] ++ sort [x | x <- xs, x >= p]\nsort [] = []",
    "(defun fact (n) (if (<= n 1) 1 (* n (fact (- n 1))))) ; recursion",
    "\\begin{align*}\n  \\int_{-\\infty}^{\\infty} e^{-x^2}\\,dx &= \\sqrt{\\pi} \\\\\n\\end{align*}",
    "all: main.o\n\t$(CC) -o $@ $^\n\n.PHONY: clean\nclean:\n\t-rm -f *.o\n",
    "--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,4 @@\n-old\n+new\n \n+\tindented\n",
    "mov rax, [rbp-0x18]\nadd  $0xffffffffffffff80,%rsp\njne .L3\n",
    "^(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?!$)|$)){4}$",
    "<?php\nnamespace App;\n$x = fn(int ...$n): ?int => $n[0] ?? null; echo <<<EOT\nHi {$x}\nEOT;\n",
    "module M where { def f = @decorator $\"{x:F2}\" |> List.map (fun (a, _) -> a) }",
    "if (x>=0&&y!==z||!(a<<=2)){i++;--j;k+=1;l**=2;m??=3;n?.[0];o::p;q=>r;s<-t;u:=v}",
    "data = {'a': (1,), 'b': [[]], \"c\": {None}, b'\\x00\\xff': r'\\d+', f'{x!r:>10}': ...}",
    "        eight spaces\n    four\n\t\ttwo tabs\n \t mixed \t \n                                        forty\n",
    "0b1010 0o17 0xDEAD_BEEF 1_000_000 1e10 .5 5. 1.2.3 3+4j 10px 1st 2nd 99%",
    "Traceback (most recent call last):\n  File \"<stdin>\", line 1, in <module>\nZeroDivisionError: division by zero\n",
]

PROSE = [
    "", " ", "a", "Hello, world!", "Hello world", " Hello", "Hello ", "  Hello  world  ", "The quick brown fox jumps over the lazy dog.",
    "It's we're they've I'm you'll he'd don't", "IT'S WE'RE THEY'VE I'M YOU'LL HE'D DON'T", "it\u2019s we\u2019re I\u2019m don\u2019t",
    "'s't're've'm'll'd", "'S'T'Re'vE'M'lL'D", "'\u017f '\u212a 'S\u017f x'\u017ft", "''''s \"'s\" 'sat 'tis o'clock rock'n'roll",
    "a . b , c ? d ! e ' f n't 'm 's 've 're", "Mr. Smith's e-mail: a.b+c@d-e.co.uk (see https://x.y/z?q=1&r=%20#f)",
    "1", "12", "123", "1234", "12345", "1234567890", "3.14159265358979", "-1", "1,000,000.00", "x1y22z333", " 1  22   333    4444",
    "2024-02-29T23:59:59.999+00:00", "\u0661\u0662\u0663\u0664 \u0967\u0968\u0969 \uff11\uff12\uff13 \u2460\u2461 \u00b2\u00b3\u00b9 \u00bd\u2153 \u216b \U0001d7d8\U0001d7d9",
    "na\u00efve caf\u00e9 r\u00e9sum\u00e9 \u00c5ngstr\u00f6m stra\u00dfe \u0130stanbul \u0131 \ufb01 \u01c6", "nai\u0308ve cafe\u0301 A\u030angstro\u0308m", "\u212b \u2126 \u1e9b\u0323 \u0344 \u0958 \ufb1d \U0002f800 \uac00 \u1100\u1161",
    "q\u0307\u0323 q\u0323\u0307 e\u0301\u0301\u0301\u0301 a\u0300\u0316\u0327 \u0301alone", "Z\u0351\u036b\u0343\u036a\u0302a\u0321\u034a\u035dl\u0316g\u031ao\u0321",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c \u30ab\u3099\u30ac\uff76\uff9e", "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0401\u0451 \u0418\u0306\u0419",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0640\u0640 \u0651\u064e", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u0915\u094d\u0937", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01", "\u1019\u103c\u1014\u103a\u1019\u102c \u1780\u1798\u17d2\u1796\u17bb\u1787\u17b6",
    "\u0393\u03b5\u03b9\u03b1 \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5 \u03a3\u03c3\u03c2", "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 \u0531\u0561 \u12a0\u121b\u122d\u129b \u13a0\u13a9 \U00010400\U00010428 \U0001e900", "\ud55c\uae00\u6f22\u5b57\u304b\u306aABC123",
    "\U0001f600\U0001f601\U0001f602", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f44d\U0001f3fd \u2764\ufe0f \u2764 1\ufe0f\u20e3 \U0001f1e9\U0001f1ea\U0001f1eb", "\U0001f9d1\U0001f3ff\u200d\U0001f4bb\U0001fae0\U0001f6dd",
    "\U0001d400\U0001d41a\U0001d538 \U0001f170 \u24b6 \u00ae\u2122 \u2192\u21d2 \u2211\u222b\u221e\u2248\u2260\u2264 \u2550\u2588\u2591 \u20ac\u00a3\u00a5\u20bf", "\u201cquoted\u201d \u2018single\u2019 \u00abguillemets\u00bb \u2014 \u2013 \u2026 \u00b7 \u2022",
    "\ufeffbom at the start", "bom \ufeff inside\ufeff", "\ufeff", "\ufffd\ufffd \ufffe\uffff \U0010ffff \U0001fffe", "\ue000\uf8ff \U000f0000 \U00100000", "\ud7ff\ue000",
    "\x00", "a\x00b\x00", "".join(map(chr, range(32))), "".join(map(chr, range(127, 161))), "\x1b[31mred\x1b[0m\x07\x08\x7f", "\u200b\u200c\u200d\u2060\u00ad\u180e\u034f\u061c\u202a\u202e\u2066\u2069x",
    "\u2581", "\u2581\u2581a \u2581b", "a\u2581b", "\u0120\u010a\u0109", "\u0120Hello\u0120world", "\u00a0\u00a0x\u00a0", "\u00c2\u00a0 \u00e2\u0080\u0099 mojibake",
]

SPACES = [" ", "  ", "   ", "    ", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2000", "\u2003", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\ufeff"]

SPECIALS = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<tool_call>", "</tool_call>", "<think>", "</think>", "<s>", "</s>", "<unk>", "<pad>",
    "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<unused7>", "<mask>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|reserved_special_token_5|>", "<|python_tag|>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "<0x0A>", "<0x00>", "<0xFF>", "<repo_name>", "<empty_output>", "<|im_sep|>", "<|", "|>", "<|im_start", "<|im_start|im_start|>", "<<s>>", "<S>",
]

ALPHABETS = [(0x20, 0x7E), (0xA1, 0x17F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x590, 0x5F4), (0x600, 0x6FF), (0x900, 0x97F), (0xE01, 0xE5B), (0x1100, 0x11FF), (0x1E00, 0x1FFE), (0x2010, 0x206F), (0x2190, 0x23FF), (0x2500, 0x27BF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFB00, 0xFB4F), (0xFF01, 0xFFEE), (0x10330, 0x1034A), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0xE000, 0xF8FF), (0x0, 0x2F)]

WORDS = "the of and return self def int for while True None range print list max lambda elif import sorted enumerate zip value result index input output program".split()


def strings() -> list:
    draw = random.Random(20240229)
    rows: list = [*PROSE, *CODE]
    rows += [f"a{space}b{space}" for space in SPACES]
    rows += [f"{space}x\n{space}{space}y" for space in SPACES]
    rows += ["".join(draw.choice(SPACES) for _ in range(draw.randint(2, 12))) + draw.choice(["", "word", "1", "!", "\u4f60"]) for _ in range(50)]
    rows += [" " * n + "x" for n in (5, 7, 8, 15, 16, 17, 31, 33, 64, 65, 127, 129)] + ["\n" * n for n in (3, 4, 5, 9, 17, 40)] + ["\t" * n + "y" for n in (3, 4, 8, 20)]
    rows += [text for special in SPECIALS for text in (special, f"x {special} y{special}{special}")]
    rows += [" ".join(draw.choice([*SPECIALS, *WORDS, " ", "\n", "1"]) for _ in range(12)) for _ in range(25)]
    rows += ["".join(draw.choice("0123456789") for _ in range(draw.randint(3, 80))) for _ in range(20)]
    rows += ["".join(chr(draw.randint(*draw.choice(ALPHABETS))) for _ in range(draw.randint(1, 40))) for _ in range(60)]
    for first, last in ALPHABETS:
        rows += ["".join(chr(draw.randint(first, last)) if draw.random() < 0.8 else " " for _ in range(30)) for _ in range(2)]
    rows += [bytes(draw.randrange(256) for _ in range(draw.randint(1, 60))).decode("utf-8", "replace") for _ in range(40)]
    rows += [bytes(draw.choice(b"\xe4\xbd\xa0\xf0\x9f\x98\x80 abc\xc3\xa9\n") for _ in range(40)).decode("utf-8", "replace") for _ in range(10)]
    for _ in range(60):  # Pieces of code, put together without regard to sense.
        pieces = [draw.choice(CODE) for _ in range(3)]
        rows.append("".join(piece[(start := draw.randrange(len(piece))) : start + draw.randint(5, 60)] for piece in pieces))
    rows += [draw.choice(["", " "]).join(draw.choice(WORDS).title() if draw.random() < 0.3 else draw.choice(WORDS) for _ in range(15)) for _ in range(20)]
    rows += ["x".join(["ab" * n, "!" * n, "=" * n, "\u00e9" * n, "\u4e00" * n]) for n in (2, 5, 13, 40)]
    # Tokens that stand alone or take white space along.
    rows += [f"{before}{token}{after}" for token in ("print", "def", "<|im_end|>", "[INST]") for before, after in (("x", ""), (" ", " "), ("_", ")"), ("\n \t", "\u3000\n"), ("\u0e01\u0e31", "\u0301"), ("\u200d", "\u203f"), (f"{token} ", f"  {token}"), ("\u2460", "\u00aa"))]
    rows += [{"repeat": text, "times": times} for text, times in [("a", 100_000), (" ", 20_000), ("\n", 5_000), ("for i in range(10):\n    x += i\n", 3_500), ("\u4f60\u597d", 8_000), ("\U0001f600", 4_000), ("ab ", 30_000), ("0", 10_000), ("=", 10_000), ("<s>", 3_000), ("e\u0301", 5_000), ("\x00", 3_000), (" <|im_end|> ", 2_000)]]
    return rows


def read_strings() -> list[str]:
    rows = [json.loads(line) for line in OUTPUT.read_text().splitlines()]
    return [row if isinstance(row, str) else row["repeat"] * row["times"] for row in rows]


if __name__ == "__main__":
    OUTPUT.write_text("".join(json.dumps(row) + "\n" for row in strings()))
    print(f"{len(read_strings())} strings, {OUTPUT.stat().st_size} bytes")
