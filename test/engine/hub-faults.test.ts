// Downloads that go wrong, from a hub on this machine: faults that pass are overcome, those that last end in one sentence.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { ResolveOptions } from "../../src/engine/resolve-model.ts";
import type { FakeRepository, Fault } from "./support/fake-hub.ts";
import { child, large, leftovers, setUp, small, tiny } from "./support/hub-setup.ts";

t.test("passing faults are overcome", async (t) => {
  const faults: Record<string, { faults: Fault[]; ranges?: RegExp }> = {
    "503 twice": { faults: [{ at: /^hub/, times: 2, status: 503 }] },
    "429 with a wait": { faults: [{ at: /resolve.*model\.safetensors/, times: 1, status: 429, headers: { "retry-after": "0" } }] },
    "answers of the hub that break off": { faults: [{ at: /revision/, times: 2, cutAfter: 0 }, { at: /tree/, times: 1, cutAfter: 0 }] },
    "an answer of the hub that stands still": { faults: [{ at: /tree/, times: 1, hang: true }] },
    "cut off in the middle, twice": { faults: [{ at: /^store/, times: 2, cutAfter: 131_072 }], ranges: /bytes=131072-.*bytes=262144-/ },
    "ended early in good form": { faults: [{ at: /^store/, times: 1, endAfter: 131_072 }], ranges: /bytes=131072-/ },
    "no more bytes": { faults: [{ at: /^store/, times: 1, hang: true }], ranges: /bytes=65536-/ },
    "the range is ignored": { faults: [{ at: /^store/, times: 1, cutAfter: 131_072 }, { at: /^store/, times: 1, ignoreRange: true }], ranges: /bytes=131072-/ },
    "the link of the store is no longer valid": { faults: [{ at: /^store/, times: 1, cutAfter: 65_536 }, { at: /^store/, times: 1, status: 500 }] },
    "a wrong byte once": { faults: [{ at: /^store/, times: 1, corrupt: true }] },
    "more bytes than promised": { faults: [{ at: /^store/, times: 1, extra: 200_000 }] },
    "a length that is a lie": { faults: [{ at: /^store/, times: 1, contentLength: 1e13, cutAfter: 400_000 }] },
    "a small file with a wrong byte": { faults: [{ at: /resolve.*tokenizer\.json/, times: 1, corrupt: true }] },
  };
  for (const [name, { faults: list, ranges }] of Object.entries(faults)) {
    await t.test(name, async (t) => {
      const { hub, get, repository } = await setUp(t, { "tiny/model": tiny() }, list);
      const { weights } = await get("tiny/model");
      t.same(readFileSync(join(weights, "model.safetensors")), large);
      t.equal(readFileSync(join(weights, "tokenizer.json"), "utf8"), small["tokenizer.json"]);
      t.ok(list.every(({ times }) => times === 0), "the fault came");
      t.same(leftovers(repository("tiny/model")), []);
      if (ranges !== undefined) t.match(hub.asked(/^store/).join(), ranges);
    });
  }
});

t.test("lasting faults end in one sentence and what to do", async (t) => {
  const hint = /./;
  const cases: Record<string, { repository?: FakeRepository; faults?: Fault[]; name?: string; options?: ResolveOptions; error: { code: string; message: RegExp; hint?: RegExp } }> = {
    "no such model": { name: "no/model", error: { code: "AZR_MODEL_NOT_FOUND", message: /no model no\/model, or a private one/, hint: /hf auth login/ } },
    "no such model, with a token": { name: "no/model", options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_MODEL_NOT_FOUND", message: /no model no\/model/ } },
    "no such revision": { name: "tiny/model@nope", error: { code: "AZR_MODEL_NOT_FOUND", message: /no such revision/ } },
    "a private model": { repository: { ...tiny(), token: "hf_other" }, options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_MODEL_NOT_FOUND", message: /private/, hint: /HF_TOKEN is of an account/ } },
    "terms that are not accepted": { repository: { ...tiny(), gated: true }, error: { code: "AZR_DOWNLOAD_FAILED", message: /accepted its terms/, hint: /http:\/\/127.*tiny\/model.*hf auth login/ } },
    "terms that this account did not accept": { repository: { ...tiny(), gated: true }, options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_DOWNLOAD_FAILED", message: /accepted its terms/, hint: /that account/ } },
    "a bad token": { faults: [{ at: /^hub/, status: 401 }], options: { env: { HF_TOKEN: "hf_x" } }, error: { code: "AZR_DOWNLOAD_FAILED", message: /does not accept the token from HF_TOKEN/ } },
    "forbidden": { faults: [{ at: /resolve/, status: 403 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /does not let you read/ } },
    "always 503": { faults: [{ at: /^hub/, status: 503 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /answers with status 503/ } },
    "answers that always break off": { faults: [{ at: /api/, cutAfter: 0 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /cannot be reached, so tiny\/model/ } },
    "a status that nobody knows": { faults: [{ at: /^hub/, status: 418 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /status 418/ } },
    "always cut off": { faults: [{ at: /^store/, cutAfter: 0 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /broke off again and again.* 0 of 400000/ } },
    "always ended early": { faults: [{ at: /^store/, endAfter: 0 }], error: { code: "AZR_DOWNLOAD_FAILED", message: /broke off/ } },
    "always wrong": { faults: [{ at: /^store/, corrupt: true }], error: { code: "AZR_DOWNLOAD_FAILED", message: /checksum differs/ } },
    "a file that is listed and gone": { faults: [{ at: /resolve.*tokenizer/, status: 404, headers: { "x-error-code": "EntryNotFound" } }], error: { code: "AZR_MODEL_NOT_FOUND", message: /not there/ } },
    "an index of nothing": { repository: { files: { ...small, "model.safetensors.index.json": "{}" } }, error: { code: "AZR_MODEL_FORMAT", message: /not an index/ } },
    "an index of a file that is not there": { repository: { files: { ...small, "model.safetensors.index.json": '{"weight_map": {"a": "gone.safetensors"}}' } }, error: { code: "AZR_MODEL_FORMAT", message: /names gone\.safetensors/ } },
    "pickles only": { repository: { files: { ...small, "pytorch_model.bin": "x" } }, error: { code: "AZR_MODEL_FORMAT", message: /pickles only/ } },
    "no tokenizer.json": { repository: { files: { "config.json": "{}", "model.safetensors": "x" } }, error: { code: "AZR_MODEL_FORMAT", message: /has no tokenizer\.json/ } },
    "an answer that is not JSON": { faults: [{ at: /api/, body: "<html>" }], error: { code: "AZR_DOWNLOAD_FAILED", message: /cannot be understood/ } },
    "a commit that is none": { faults: [{ at: /api/, body: '{"sha": "../../x"}' }], error: { code: "AZR_DOWNLOAD_FAILED", message: /cannot be understood/ } },
    "a checksum that is a path": { faults: [{ at: /tree/, body: '[{"type": "file", "path": "config.json", "size": 1, "oid": "../../x"}]' }], error: { code: "AZR_DOWNLOAD_FAILED", message: /cannot be understood/ } },
    "a file outside": { faults: [{ at: /tree/, body: `[{"type": "file", "path": "../x-Q8_0.gguf", "size": 1, "oid": "${"0".repeat(40)}"}]` }], error: { code: "AZR_MODEL_FORMAT", message: /no weights/ } },
    "more than the disk holds": { faults: [{ at: /tree/, body: `[{"type": "file", "path": "x.gguf", "size": 8e15, "oid": "${"0".repeat(40)}"}]` }], error: { code: "AZR_DOWNLOAD_FAILED", message: /8000000\.0 GB are to be downloaded.*free/, hint: /HF_HOME/ } },
  };
  for (const [name, { repository = tiny(), faults = [], name: model = "tiny/model", options, error }] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const { get, home } = await setUp(t, { "tiny/model": repository }, faults);
      await t.rejects(get(model, options), { hint, ...error });
      t.notOk(existsSync(join(home, "hub", "models--tiny--model", "refs", "main")), "nothing counts as fetched");
    });
  }
});

t.test("a folder that cannot be written, a disk without room", async (t) => {
  const { env, home, get } = await setUp(t, { "tiny/model": tiny() });
  writeFileSync(join(home, "file"), "x");
  await t.rejects(get("tiny/model", { env: { HF_HUB_CACHE: join(home, "file") } }), { code: "AZR_DOWNLOAD_FAILED", message: /cannot be written/, hint: /HF_HOME/ });
  // The limit on the size of files stands for the disk's end: the system refuses the same write.
  const limited = await child(["tiny/model"], env, "ulimit -f 100");
  t.match(limited.at(-1), { type: "error", code: "AZR_DOWNLOAD_FAILED", message: /no room left/, hint: /kept/ });
  const kept = leftovers(join(home, "hub", "models--tiny--model"));
  t.equal(kept.length, 1);
  t.same(readFileSync(join((await get("tiny/model")).weights, "model.safetensors")), large);
});
