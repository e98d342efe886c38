// Downloads that end early or meet each other: what lies there is gone on with, checked, and fetched once.
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { child, large, leftovers, offline, setUp, tiny } from "./support/hub-setup.ts";

t.test("a killed download is gone on with", async (t) => {
  const { hub, env, get, repository } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, slowMs: 100 }]);
  const seen = await child(["tiny/model"], env, ":", (line, pid) => line.type === "download" && line.file === "model.safetensors" && line.fileDone > 0 && process.kill(pid, "SIGKILL"));
  t.notOk(seen.some(({ type }) => type === "result"), "it was killed");
  const [left] = leftovers(repository("tiny/model"));
  t.ok(left, "what it fetched lies there");
  hub.faults = [];
  const { weights } = await get("tiny/model");
  t.same(readFileSync(join(weights, "model.safetensors")), large);
  t.match(hub.asked(/^store/).at(-1), / bytes=[1-9]\d*-$/);
  t.same(leftovers(repository("tiny/model")), []);
});

t.test("what was left and is damaged, or too long, is fetched anew", async (t) => {
  for (const damage of ["flip", "lengthen"] as const) {
    const { hub, get, repository } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, cutAfter: 65_536, times: 1 }, { at: /^store/, status: 403, times: 1 }]);
    await t.rejects(get("tiny/model"), { code: "AZR_DOWNLOAD_FAILED" });
    const [left] = leftovers(repository("tiny/model"));
    const path = join(repository("tiny/model"), "blobs", left!);
    if (damage === "lengthen") truncateSync(path, 500_000);
    else writeFileSync(path, "x".repeat(1000));
    const { weights } = await get("tiny/model");
    t.same(readFileSync(join(weights, "model.safetensors")), large, damage);
    t.same(hub.asked(/^store/).length, damage === "flip" ? 4 : 3);
  }
});

t.test("an abort ends a download at once, and the next one goes on", async (t) => {
  const { hub, get, progress, repository } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, slowMs: 50 }]);
  const controller = new AbortController();
  const reason = new Error("enough");
  const download = get("tiny/model", { signal: controller.signal });
  while (!progress.some((each) => each.type === "download" && each.file === "model.safetensors" && each.fileDone > 0)) await sleep(5);
  controller.abort(reason);
  await t.rejects(download, { code: "AZR_ABORTED", cause: reason, hint: /goes on/ });
  t.equal(leftovers(repository("tiny/model")).length, 1);
  hub.faults = [];
  await get("tiny/model");
  t.match(hub.asked(/^store/).at(-1), / bytes=[1-9]\d*-$/);
  await t.rejects(get("tiny/model@other", { signal: AbortSignal.abort() }), { code: "AZR_ABORTED" });
});

t.test("two at once fetch it once", async (t) => {
  const { hub, env, get, progress } = await setUp(t, { "tiny/model": tiny() }, [{ at: /^store/, slowMs: 40 }]);
  const results = await Promise.all([child(["tiny/model"], env), child(["tiny/model"], env), get("tiny/model"), get("tiny/model")]);
  t.ok(results.slice(0, 2).every((lines) => (lines as any[]).at(-1).type === "result"));
  t.same(readFileSync(join((await get("tiny/model", offline)).weights, "model.safetensors")), large);
  t.ok(progress.some(({ type }) => type === "waiting"), "one of this process waited for the other");
  t.ok(hub.asked(/^store/).length <= 2, `${hub.asked(/^store/).length} downloads`);
});
