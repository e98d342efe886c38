// Out of memory under a limit (that of addresses, as `ulimit -v` sets it): the failure tells what was wanted, what is free and what to lower, and the
// engine works on. Its child comes from node:child_process.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { nativeFolder } from "../../scripts/native-location.mjs";

const addon = join(nativeFolder(), "azr.node");
const child = fileURLToPath(new URL("./support/memory-child.ts", import.meta.url));
const skip = !existsSync(addon) ? `${addon} not built: npm run build makes it` : spawnSync("prlimit", ["--version"]).error !== undefined && "prlimit (util-linux) is not there to set the limit";

const config = {
  architectures: ["LlamaForCausalLM"], model_type: "llama", hidden_size: 64, intermediate_size: 1024, num_hidden_layers: 2, num_attention_heads: 4,
  num_key_value_heads: 4, vocab_size: 64, max_position_embeddings: 200_000, rms_norm_eps: 1e-5, rope_theta: 1e5, tie_word_embeddings: true, eos_token_id: 1,
};

t.test("bytes, free bytes and the knob", { skip, timeout: 200_000 }, async (t) => {
  const folder = t.testdir({ "config.json": JSON.stringify(config), "tokenizer.json": "{}" });
  const started = spawn(process.execPath, [...process.execArgv, child, folder], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  started.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  t.equal(await new Promise((resolve) => started.on("close", resolve)), 0);
  const { room, update, generate, score, lowered, same, sampled } = JSON.parse(said);
  for (const [failure, message, knob] of [
    [update, /^could not allocate \d+ bytes for (activations|logits); \d+ bytes are free$/, /update\.microBatchTokens.*update\.checkpointActivations.*update\.lora\.rank/],
    [generate, /^keys and values of one completion take \d+ bytes \(a prompt of 80000 tokens and maxTokens 100000\), and \d+ are there.*; \d+ bytes are free$/, /generation\.maxTokens.*cacheBytes/],
    [score, /^could not allocate 409595904 bytes for activations; \d+ bytes are free$/, /shorter sequences/],
  ] as const) {
    t.match(failure, { code: "AZR_OUT_OF_MEMORY", message, hint: knob });
    const { wantedBytes, freeBytes } = failure.details as { wantedBytes: number; freeBytes: number };
    t.match(failure.message, `${wantedBytes} bytes`);
    // A failure before may have given back what was held when the limit was set.
    t.ok(freeBytes <= 1.25 * room, `${freeBytes} bytes are free: what the limit leaves, not what the machine has`);
    t.ok(wantedBytes > 0 && (failure === generate || wantedBytes > freeBytes), `${wantedBytes} were wanted`);
  }
  t.equal(lowered, 16 * 500, "with the knob turned it fits");
  t.ok(same, "a failure leaves nothing behind");
  t.equal(sampled, 8);
});
