// The layers of isolation: one table for all who name them, demands that they be in force, and what each result tells of them.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { layerNames, layers, requireLayers } from "../../src/executor/layers.ts";
import { openExecutor } from "../../src/executor/open.ts";
import { encodeFrame, frameKinds } from "../../src/executor/protocol.ts";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);
const inForce = executor.stats().layers!;
const request = { program: "def f(x): return x", inputs: ["1", "2"] };

t.test("the table is that of the supervisor, and of the page", async (t) => {
  t.same(Object.keys(inForce).sort(), [...layerNames].sort());
  for (const name of layerNames.filter((name) => layers[name].always)) t.ok(inForce[name], name);
  const page = readFileSync(new URL("../../docs/executor.md", import.meta.url), "utf8");
  for (const name of layerNames) t.ok(page.includes(`| \`${name}\` | ${layers[name].always ? "always" : ""} |`), `docs/executor.md lists ${name}`);
});

t.test("a layer that is required and missing is named, with what it takes", async (t) => {
  const all = Object.fromEntries(layerNames.map((name) => [name, true]));
  requireLayers([], {});
  requireLayers(layerNames, all);
  for (const name of layerNames) {
    const fault = { code: "AZR_EXECUTOR_UNAVAILABLE", message: `The layer ${name} is required, but it is not in force here. It ${layers[name].adds}, and needs ${layers[name].needs}.`, hint: /executor\.require/ };
    t.throws(() => requireLayers([name], { ...all, [name]: false }), fault);
    t.throws(() => requireLayers(layerNames, { ...all, [name]: undefined } as never), { ...fault, details: { missing: [name] } });
  }
});

t.test("the executor opens with what is in force, and not without what is required", async (t) => {
  const [have, lack] = [true, false].map((wanted) => layerNames.filter((name) => inForce[name] === wanted));
  const own = await openExecutor({ workers: 1, require: have! });
  t.match(await own.run(request), { runs: [{ value: "1" }, { value: "2" }] });
  await own.dispose();
  for (const name of lack!) await t.rejects(openExecutor({ workers: 1, require: [name] }), { code: "AZR_EXECUTOR_UNAVAILABLE", message: new RegExp(`layer ${name} is required`) });
  const without = fickleSupervisor(t.testdir({}), { ...inForce, landlock: false }, inForce);
  await t.rejects(openExecutor({ folder: without, require: ["seccomp", "landlock"] }), { code: "AZR_EXECUTOR_UNAVAILABLE", message: /layer landlock is required/ });
  const wrong = { code: "AZR_INPUT_INVALID", message: /require[^]*"seccomp"[^]*"landlock"|"seccomp"[^]*"landlock"[^]*require/ };
  await t.rejects(openExecutor({ require: ["landlok"] as never }), wrong);
});

/** A folder whose supervisor greets with the first layers, ends at the first request, and greets with the other ones from then on. */
function fickleSupervisor(folder: string, first: object, later: object): string {
  const greeting = (layers: object): Buffer => {
    const text = Buffer.from(JSON.stringify({ python: "3.11.7", layers, variants: 4, workers: 1 }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    return encodeFrame(0, frameKinds.hello, Buffer.concat([length, text]));
  };
  writeFileSync(join(folder, "first"), greeting(first));
  writeFileSync(join(folder, "later"), greeting(later));
  const file = join(folder, "azr-executor");
  writeFileSync(file, '#!/bin/sh\ncd "$(dirname "$0")"\nif [ -e second ]; then cat later; else cat first; : > second; fi\nhead -c 1 > /dev/null\n');
  chmodSync(file, 0o755);
  return folder;
}

t.test("a supervisor that comes back with less is not used", async (t) => {
  const less = await openExecutor({ folder: fickleSupervisor(t.testdir({}), { landlock: true }, { landlock: false }), require: ["landlock"] });
  await t.rejects(less.run(request), { code: "AZR_EXECUTOR_UNAVAILABLE", message: /layer landlock is required/ });
  t.same(less.stats().layers, { landlock: true }, "it never took over");
  await less.dispose();
});

t.test("each result tells what stood around it", async (t) => {
  const results = await Promise.all([
    executor.run(request),
    executor.run({ ...request, determinism: "full" }),
    executor.run({ program: "def f(:", inputs: ["1"] }),
    executor.run({ ...request, inputs: ["\ud800"] }),
  ]);
  const { python, layers: all } = executor.stats();
  const names = Object.keys(all!).filter((name) => all![name]).sort();
  for (const { provenance } of results) {
    t.equal(provenance, results[0]!.provenance, "one object for all");
    t.same(provenance, { python, architecture: process.arch, layers: names });
  }
  t.match(python, /^3\.\d+\.\d+$/);
  t.ok(Object.isFrozen(results[0]!.provenance) && Object.isFrozen(results[0]!.provenance.layers));
});
