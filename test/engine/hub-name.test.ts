// Names of the hub, the environment that belongs to it, and which files of a repository are taken: tables.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { chooseFiles, shardsOf } from "../../src/engine/hub-files.ts";
import { formatHubName, parseHubName } from "../../src/engine/hub-name.ts";
import { hubSettings } from "../../src/engine/hub-settings.ts";

t.test("names", async (t) => {
  const names: [string, ReturnType<typeof parseHubName>][] = [
    ["Qwen/Qwen2.5-0.5B", { repo: "Qwen/Qwen2.5-0.5B", revision: "main" }],
    ["a/b@v1.0", { repo: "a/b", revision: "v1.0" }],
    ["a/b@refs/pr/1", { repo: "a/b", revision: "refs/pr/1" }],
    ["a/b:Q4_K_M", { repo: "a/b", revision: "main", quantization: "Q4_K_M" }],
    ["a/b:UD-Q4_K_XL@v2", { repo: "a/b", revision: "v2", quantization: "UD-Q4_K_XL" }],
    ["a/b/c.gguf", { repo: "a/b", revision: "main", file: "c.gguf" }],
    ["a/b/sub folder/c.GGUF@v2", { repo: "a/b", revision: "v2", file: "sub folder/c.GGUF" }],
  ];
  for (const [name, parts] of names) {
    t.same(parseHubName(name), parts, name);
    t.same(parseHubName(formatHubName(parts!, parts!.revision)), parts, `${name} written and read`);
  }
  const none = ["seedling", "a", "a/b/c", "./a/b", "../a", "/a/b", "a/../b", "a/b/../../c.gguf", "a/b//c.gguf", "a/b@", "a/b@..", "a/b@../../x", "a/b:", "a--b/c", "a/b..c", ".a/b", "a/b.", "a/b\\c.gguf", "a /b", "-a/b", `a/${"b".repeat(96)}`, "https://a/b"];
  for (const name of none) t.equal(parseHubName(name), undefined, JSON.stringify(name));
});

t.test("the environment", async (t) => {
  const home = t.testdir({ ".cache": { huggingface: { token: "hf_home\n" } }, other: { token: "hf_other" }, mine: "hf_mine" });
  const cases: [Record<string, string>, object][] = [
    [{}, { endpoint: "https://huggingface.co", cache: `${home}/.cache/huggingface/hub`, token: "hf_home", tokenFrom: `${home}/.cache/huggingface/token`, offline: false }],
    [{ HF_HOME: "~/other" }, { cache: `${home}/other/hub`, token: "hf_other" }],
    [{ XDG_CACHE_HOME: "/x" }, { cache: "/x/huggingface/hub", token: undefined, tokenFrom: undefined }],
    [{ HF_HUB_CACHE: "/c", HUGGINGFACE_HUB_CACHE: "/d", HF_HOME: "/e" }, { cache: "/c" }],
    [{ HUGGINGFACE_HUB_CACHE: "/d" }, { cache: "/d" }],
    [{ HF_TOKEN: " hf_env\n" }, { token: "hf_env", tokenFrom: "HF_TOKEN" }],
    [{ HF_TOKEN_PATH: join(home, "mine") }, { token: "hf_mine" }],
    [{ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, { token: undefined }],
    [{ HF_ENDPOINT: "http://localhost:1/" }, { endpoint: "http://localhost:1" }],
    [{ HF_HUB_OFFLINE: "true" }, { offline: true }],
    [{ TRANSFORMERS_OFFLINE: "1" }, { offline: true }],
    [{ HF_HUB_OFFLINE: "0" }, { offline: false }],
  ];
  for (const [env, expected] of cases) t.match(hubSettings({ HOME: home, ...env }), expected, JSON.stringify(env));
  for (const HF_ENDPOINT of ["huggingface.co", "file:///x"]) t.throws(() => hubSettings({ HF_ENDPOINT }), { code: "AZR_INPUT_INVALID", message: /HF_ENDPOINT/ });
});

t.test("files", async (t) => {
  const small = ["config.json", "generation_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"];
  const noise = ["README.md", ".gitattributes", "pytorch_model.bin", "vocab.json", "sub/config.json", "onnx/model.onnx", "training_args.bin", "optimizer.pt"];
  const repository = [...small, ...noise, "model.safetensors"];
  const choose = (names: string[], name = "a/b", weights = true) => chooseFiles(names, parseHubName(name)!, weights);
  t.same(choose(repository), { kind: "folder", describing: [...small].sort(), weights: "model.safetensors" });
  t.same(choose(repository, "a/b", false), { kind: "folder", describing: [...small].sort() });
  t.equal((choose([...small, "model.safetensors.index.json", "model-00001-of-00002.safetensors"]) as { weights: string }).weights, "model.safetensors.index.json");
  t.same(choose(["README.md", "x.Q8_0.gguf", "mmproj-x.gguf", "x.imatrix.gguf"]), { kind: "gguf", files: ["x.Q8_0.gguf"] }, "the only one");
  t.equal(choose([...repository, "x.Q8_0.gguf"]).kind, "folder", "safetensors before GGUF");
  const ggufs = ["x-Q4_K_M.gguf", "x-Q4_K_S.gguf", "x.f16.gguf", "UD/x-UD-Q4_K_XL.gguf", "IQ/x-IQ4_XS.gguf", "x-Q8_0-00001-of-00002.gguf", "x-Q8_0-00002-of-00002.gguf"];
  for (const [name, file] of [["a/b:Q4_K_M", "x-Q4_K_M.gguf"], ["a/b:q4_k_s", "x-Q4_K_S.gguf"], ["a/b:F16", "x.f16.gguf"], ["a/b:UD-Q4_K_XL", "UD/x-UD-Q4_K_XL.gguf"], ["a/b:IQ4_XS", "IQ/x-IQ4_XS.gguf"], ["a/b/x.f16.gguf", "x.f16.gguf"]] as const) {
    t.same(choose([...repository, ...ggufs], name), { kind: "gguf", files: [file] }, name);
  }
  const parts = ["x-Q8_0-00001-of-00002.gguf", "x-Q8_0-00002-of-00002.gguf"];
  for (const name of ["a/b:Q8_0", ...parts.map((part) => `a/b/${part}`)]) t.same(choose(ggufs, name), { kind: "gguf", files: parts }, `${name}: all parts`);
  t.same(choose(parts), { kind: "gguf", files: parts }, "one split file is one file");
  const faults: [string[], string, string, RegExp, RegExp][] = [
    [[...small, "pytorch_model.bin"], "a/b", "AZR_MODEL_FORMAT", /pickles only/, /safetensors/],
    [[...small, "model.pt"], "a/b@v1", "AZR_MODEL_FORMAT", /a\/b@v1 has its weights as pickles/, /safetensors/],
    [[...small, "adapter_model.safetensors"], "a/b", "AZR_MODEL_FORMAT", /adapter/, /Merge/],
    [["README.md"], "a/b", "AZR_MODEL_FORMAT", /no weights/, /name/],
    [ggufs.slice(0, 3), "a/b", "AZR_MODEL_FORMAT", /3 GGUF files/, /a\/b:Q4_K_M, a\/b:Q4_K_S, a\/b:f16/],
    [ggufs, "a/b:Q2_K", "AZR_MODEL_NOT_FOUND", /no GGUF file of Q2_K/, /a\/b:Q4_K_M, a\/b:Q4_K_S, a\/b:Q8_0/],
    [["x-Q8_0-00001-of-00002.gguf"], "a/b:Q8_0", "AZR_MODEL_FORMAT", /lacks x-Q8_0-00002-of-00002\.gguf/, /another quantization/],
    [["p/x-Q8_0.gguf", "q/x-Q8_0.gguf"], "a/b:Q8_0", "AZR_MODEL_NOT_FOUND", /2 GGUF files of Q8_0/, /a\/b\/p\/x-Q8_0\.gguf/],
    [repository, "a/b:Q8_0", "AZR_MODEL_NOT_FOUND", /no GGUF file/, /without :Q8_0/],
    [ggufs, "a/b/y.gguf", "AZR_MODEL_NOT_FOUND", /no y\.gguf/, /a\/b:Q4_K_M/],
  ];
  for (const [names, name, code, message, hint] of faults) t.throws(() => choose(names, name), { code, message, hint }, `${name} of ${names.length} files`);
  t.equal(choose([...small, "pytorch_model.bin"], "a/b", false).kind, "folder", "the description alone needs no weights");
});

t.test("the index of shards", async (t) => {
  const path = join(t.testdir({}), "index.json");
  const write = (value: unknown): void => writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  write({ weight_map: { a: "model-2.safetensors", b: "model-1.safetensors", c: "model-2.safetensors" } });
  t.same(shardsOf(path), ["model-1.safetensors", "model-2.safetensors"]);
  const deep = `{"weight_map":{"a":"x.safetensors","b":${"[".repeat(9000)}${"]".repeat(9000)}}}`;
  for (const bad of [deep, "", "[]", { weight_map: {} }, { weight_map: { a: 1 } }, { weight_map: { a: "../x.safetensors" } }, { weight_map: { a: "x.bin" } }]) {
    write(bad);
    t.throws(() => shardsOf(path), { code: "AZR_MODEL_FORMAT", message: /not an index/ }, JSON.stringify(bad).slice(0, 80));
  }
});
