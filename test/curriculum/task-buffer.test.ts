// The task buffers: who leaves a full one, what is known of a task's answers, how tasks are drawn, and that none of it grows with what a run adds.
// (contradictions.test.ts: removal with offspring; grow-buffers.test.ts: what enters at the end of a step; ../run/restore.test.ts: restored ones.)
import t from "tap";
import { type Eviction, evictions } from "../../src/curriculum/eviction.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { createTaskBuffer, taskId, type Weighting } from "../../src/curriculum/task-buffer.ts";
import { createTaskBuffers } from "../../src/curriculum/task-buffers.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { createRandom } from "../../src/random.ts";

const task = (kind: string, step: number, n: number, parents: string[] = []): Task => ({
  id: taskId(step, kind[0]!, n),
  kind,
  program: `def f(a):\n    return a + ${n}`,
  input: "1",
  output: String(1 + n),
  origin: { step, parents },
});
const ids = (tasks: Task[]) => tasks.map(({ id }) => id);
const all = (buffer: ReturnType<typeof createTaskBuffer>) => ids(Array.from({ length: buffer.size }, (_, at) => buffer.at(at)));

t.test("who leaves a buffer of three", async (t) => {
  // One letter a task, in the order of adding; a number after it: of eight answers so many were right.
  const table: [eviction: Eviction, added: string, kept: string][] = [
    ["oldest", "a b c", "a b c"],
    ["oldest", "a4 b4 c4 d", "b4 c4 d"],
    ["oldest", "a b c d e f g", "e f g"],
    ["newest", "a b c d e", "a b c"],
    ["newest", "a8 b0 c8 d4", "a8 b0 c8"],
    // s(1 - s) is largest for a half, and equal for 2 and 6 of eight.
    ["lowest-learnability", "a4 b2 c8 d5", "a4 b2 d5"],
    ["lowest-learnability", "a4 b2 c3 d8", "a4 b2 c3"],
    ["lowest-learnability", "a4 b0 c3 d6", "a4 c3 d6"],
    // Of equals the older leaves, whatever their age otherwise.
    ["lowest-learnability", "a6 b2 c4 d4", "b2 c4 d4"],
    ["lowest-learnability", "a8 b0 c8 d0 e8", "c8 d0 e8"],
    // What was never answered counts as 1/6: more than 0, 1, 7 and 8 of eight, less than 2 to 6 (0.145 and 0.191 are the neighbours).
    ["lowest-learnability", "a b1 c8 d4", "a b1 d4"],
    ["lowest-learnability", "a b1 c7 d4", "a c7 d4"],
    ["lowest-learnability", "a b2 c6 d4", "b2 c6 d4"],
    ["lowest-learnability", "a b c d", "b c d"],
  ];
  for (const [eviction, added, kept] of table) {
    const buffer = createTaskBuffer(3, { eviction });
    added.split(" ").forEach((text, at) => {
      const right = text.slice(1);
      buffer.add({ ...task("deduction", at, at), id: text }, text, right === "" ? undefined : { attempts: 8, right: Number(right) });
    });
    t.same(all(buffer), kept.split(" "), `${eviction}: ${added}`);
    t.ok(added.split(" ").every(buffer.knows), "all keys stay known");
  }
  const buffer = createTaskBuffer(3, { eviction: "lowest-learnability" });
  for (const id of ["a", "b", "c"]) buffer.add({ ...task("deduction", 1, 1), id }, id, { attempts: 8, right: id === "a" ? 8 : 4 });
  for (let step = 2; step < 5; step++) {
    buffer.record("a", { attempts: 8, right: 4 }, step);
    buffer.record("b", { attempts: 8, right: 8 }, step);
  }
  buffer.add({ ...task("deduction", 5, 1), id: "d" }, "d", { attempts: 8, right: 4 });
  t.same(all(buffer), ["a", "c", "d"], "what was learned since counts");
  buffer.remove(new Set(["c"]));
  buffer.add({ ...task("deduction", 5, 1), id: "e" }, "e", { attempts: 8, right: 0 });
  t.same(all(buffer), ["a", "d", "e"], "there is room after a removal");
  buffer.add({ ...task("deduction", 6, 1), id: "f" }, "f", { attempts: 8, right: 4 });
  t.same(all(buffer), ["a", "d", "f"]);
});

t.test("a reservoir holds each task ever added with the same chance", async (t) => {
  const [capacity, added, seeds] = [10, 60, 600];
  const kept = new Array<number>(added).fill(0);
  for (let seed = 0; seed < seeds; seed++) {
    const buffer = createTaskBuffer(capacity, { eviction: "reservoir", seed });
    for (let n = 0; n < added; n++) buffer.add(task("deduction", n, n), `${n}`);
    for (const id of all(buffer)) kept[Number(id.split("-").at(-1))]! += 1;
  }
  const expected = (seeds * capacity) / added;
  const chiSquare = kept.reduce((sum, count) => sum + (count - expected) ** 2 / (expected * (1 - capacity / added)), 0) * ((added - 1) / added);
  // 59 degrees of freedom: 98.3 is the one-in-a-thousand level.
  t.ok(chiSquare < 98.3, `chi-square ${chiSquare.toFixed(1)}`);
  t.ok(Math.min(...kept) > 0.6 * expected && Math.max(...kept) < 1.4 * expected, `${Math.min(...kept)} to ${Math.max(...kept)} of ${expected}`);
  const twice = [3, 3, 4].map((seed) => {
    const buffer = createTaskBuffer(capacity, { eviction: "reservoir", seed });
    for (let n = 0; n < added; n++) buffer.add(task("deduction", n, n), `${n}`);
    return all(buffer);
  });
  t.same(twice[0], twice[1], "equal seeds keep the same");
  t.notSame(twice[0], twice[2]);
});

t.test("a full buffer loses its oldest task and remembers its key", async (t) => {
  const buffer = createTaskBuffer(3);
  for (let n = 0; n < 5; n++) buffer.add(task("deduction", n, n), `key-${n}`);
  t.equal(buffer.size, 3);
  t.same(all(buffer), ["t-2-d-2", "t-3-d-3", "t-4-d-4"]);
  t.ok(buffer.knows("key-0") && buffer.knows("key-4") && !buffer.knows("key-5"));
  buffer.learn(task("deduction", 5, 5), "key-5");
  t.ok(buffer.knows("key-5") && buffer.size === 3, "a key can be learnt without its task");
  t.same(ids(buffer.since(3)), ["t-3-d-3", "t-4-d-4"]);
  t.same(buffer.since(9), []);
  t.same(ids(buffer.newest(2)), ["t-4-d-4", "t-3-d-3"]);
  t.same([buffer.newest(0).length, buffer.newest(9).length], [0, 3]);
});

t.test("a list that is cut at its end counts what it throws away as new", async (t) => {
  const buffer = createTaskBuffer(4, { eviction: "newest" });
  const arrive = (step: number, count: number) => Array.from({ length: count }, (_, n) => buffer.add(task("deduction", step, n), `${step}-${n}`));
  arrive(0, 1);
  arrive(1, 2);
  t.same(ids(buffer.since(1)), ["t-1-d-0", "t-1-d-1"]);
  arrive(2, 3);
  t.same(all(buffer), ["t-0-d-0", "t-1-d-0", "t-1-d-1", "t-2-d-0"]);
  t.same(ids(buffer.since(2)), ["t-1-d-0", "t-1-d-1", "t-2-d-0"], "three came, so the last three");
  arrive(3, 2);
  t.same(ids(buffer.since(3)), ["t-1-d-1", "t-2-d-0"]);
  t.same(buffer.since(4), [], "nothing came");
  arrive(4, 9);
  t.same(ids(buffer.since(4)), all(buffer));
  for (const eviction of evictions.filter((name) => name !== "newest")) {
    const other = createTaskBuffer(1, { eviction });
    for (let n = 0; n < 5; n++) other.add(task("deduction", 1, n), `${n}`, { attempts: 8, right: n });
    t.same(ids(other.since(1)), all(other), `${eviction} knows what is new`);
  }
});

t.test("sampling is without replacement, by weights when asked", async (t) => {
  for (const size of [20, 4]) {
    const buffer = createTaskBuffer(100);
    t.same(buffer.sample(3, createRandom(0)), []);
    t.same(buffer.sample(3, createRandom(0), "learnability"), []);
    // Right answers out of 8: 0 to 3 in turn, with learnability 9, 16, 21, 24 (of 110).
    for (let n = 0; n < size; n++) buffer.add(task("deduction", n, n), `key-${n}`, { attempts: 8, right: n % 4 });
    const drawn: Record<Weighting, number[]> = { uniform: [], recent: [], learnability: [] };
    const random = createRandom(4);
    const first: Record<Weighting, number[]> = { uniform: [], recent: [], learnability: [] };
    for (const weighting of ["uniform", "recent", "learnability"] as const) {
      [drawn[weighting], first[weighting]] = [new Array<number>(4).fill(0), new Array<number>(2).fill(0)];
      for (let at = 0; at < 2000; at++) {
        const sample = buffer.sample(3, random, weighting);
        if (new Set(sample).size !== 3) t.fail("a task was drawn twice");
        drawn[weighting]![sample[0]!.origin.step % 4]! += 1 / 2000;
        first[weighting]![sample[0]!.origin.step < size / 2 ? 0 : 1]! += 1 / 2000;
      }
    }
    const near = (actual: number[], expected: number[]) => actual.every((value, at) => Math.abs(value - expected[at]!) < 0.04);
    t.ok(near(drawn.uniform, [0.25, 0.25, 0.25, 0.25]) && near(first.uniform, [0.5, 0.5]), `uniform ${drawn.uniform}`);
    t.ok(near(drawn.learnability, [9 / 70, 16 / 70, 21 / 70, 24 / 70]), `learnability ${drawn.learnability}`);
    // Weights 1 to the size.
    const upper = size === 20 ? 155 / 210 : 7 / 10;
    t.ok(near(first.recent, [1 - upper, upper]), `recent ${first.recent}`);
    t.equal(buffer.sample(30, random, "recent").length, size);
    t.equal(buffer.sample(0, random, "recent").length, 0);
  }
  const buffer = createTaskBuffer(100);
  buffer.add(task("deduction", 0, 0), "a", { attempts: 8, right: 8 });
  const others = [1, 2].map((n) => ({ task: task("deduction", 1, n), statistics: { attempts: 8, right: 4, answered: 1, recent: { attempts: 8, right: 4 } } }));
  for (const weighting of ["uniform", "recent", "learnability"] as const) {
    const sample = buffer.sample(9, createRandom(1), weighting, others);
    t.same(ids(sample).sort(), ["t-0-d-0", "t-1-d-1", "t-1-d-2"], `${weighting}: others are drawn from too`);
  }
});

t.test("a draw looks at little", async (t) => {
  const words = { uniform: [] as number[], recent: [] as number[], learnability: [] as number[] };
  for (const size of [1000, 16_000]) {
    const buffer = createTaskBuffer(size);
    for (let n = 0; n < size + 10; n++) buffer.add(task("deduction", n, n), `${n}`, { attempts: 8, right: n % 9 });
    for (const weighting of ["uniform", "recent", "learnability"] as const) {
      const random = createRandom(1);
      for (let draw = 0; draw < 50; draw++) buffer.sample(6, random, weighting);
      words[weighting].push(random.getState().position);
    }
  }
  // A whole number takes a word, a fraction two.
  t.same(words, { uniform: [300, 300], recent: [600, 600], learnability: [600, 600] });
});

t.test("what is kept is bounded by the capacity", async (t) => {
  for (const eviction of evictions) {
    const buffer = createTaskBuffer(8, { eviction });
    for (let n = 0; n < 2000; n++) {
      buffer.add(task("deduction", n, n, n === 0 ? [] : [taskId(n - 1, "d", n - 1)]), `${n}`, { attempts: 8, right: (n * 7) % 9 });
      if (n % 3 === 0) buffer.record(buffer.at(n % buffer.size).id, { attempts: 8, right: n % 8 }, n);
    }
    t.equal(buffer.size, 8);
    const lines = [...buffer.lineage()];
    t.ok(lines.length <= 5 * 8, `${eviction}: ${lines.length} lines of descent`);
    t.same(ids(buffer.newest(8)).reverse(), lines.slice(-8).map(({ id }) => id), "those that are here come last");
    t.ok(Array.from({ length: 2000 }, (_, n) => `${n}`).every(buffer.knows), "keys are remembered for longer");
  }
});

t.test("what was not let in can still be removed: it does not come back", async (t) => {
  for (const eviction of ["newest", "lowest-learnability"] as const) {
    const buffer = createTaskBuffer(1, { eviction });
    buffer.add(task("deduction", 1, 0), "a", { attempts: 8, right: 4 });
    buffer.add(task("deduction", 2, 0), "b", { attempts: 8, right: 8 });
    buffer.learn(task("deduction", 2, 1), "c");
    t.same(all(buffer), ["t-1-d-0"]);
    t.same(buffer.remove(new Set(["t-2-d-1", "t-2-d-0", "t-1-d-0", "t-9-d-9"])), ["t-1-d-0", "t-2-d-0", "t-2-d-1"]);
    t.ok(["a", "b", "c"].every(buffer.hasRemoved));
    t.same(buffer.remove(new Set(["t-2-d-1"])), [], "once");
    buffer.learn(task("deduction", 3, 0), "d");
    buffer.learn(task("deduction", 4, 0), "e");
    t.same(buffer.remove(new Set(["t-3-d-0", "t-4-d-0"])), ["t-4-d-0"], "those of the last step in which any came");
    t.notOk(buffer.hasRemoved("d"));
  }
});

t.test("a line of descent is followed through tasks that left, as far as they are remembered", async (t) => {
  for (const [departures, expected] of [[1, ["root", "child"]], [12, ["root", "child"]], [13, ["root"]]] as const) {
    const buffers = createTaskBuffers([kindNamed("deduction")], 3, { eviction: "lowest-learnability" });
    const buffer = buffers.of("deduction");
    const add = (id: string, parents: string[]) => buffer.add({ ...task("deduction", 1, 1, parents), id }, id, { attempts: 8, right: 4 });
    /** Makes a task the next to leave. */
    const spoil = (id: string) => buffer.record(id, { attempts: 80, right: 0 }, 1);
    add("root", []);
    add("between", ["root"]);
    add("child", ["between"]);
    spoil("between");
    for (let n = 1; n <= departures; n++) {
      add(`filler ${n}`, []);
      spoil(`filler ${n}`);
    }
    t.equal(buffer.statistics("between"), undefined);
    t.same(buffers.removeWithOffspring(["root"]), expected, `${departures} tasks left since, "between" counted`);
  }
});

t.test("the buffers of a run", async (t) => {
  const kinds = ["deduction", "abduction", "induction"].map(kindNamed);
  const buffers = createTaskBuffers(kinds, 100);
  t.same(buffers.samplePrograms(1, createRandom(0)), []);
  buffers.of("deduction").add(task("deduction", 1, 0), "x");
  buffers.of("abduction").add(task("abduction", 1, 1), "y");
  buffers.of("induction").add(task("induction", 1, 2), "z");
  t.ok(["x", "y", "z"].every(buffers.knows) && !buffers.knows("w"));
  const drawn = new Set<string>();
  for (let at = 0; at < 60; at++) for (const { id } of buffers.samplePrograms(1, createRandom(at))) drawn.add(id);
  t.same([...drawn].sort(), ["t-1-a-1", "t-1-d-0"], "only kinds that bring programs supply them");
  t.equal(buffers.samplePrograms(5, createRandom(1)).length, 2);
  t.throws(() => buffers.of("nothing"), { code: "AZR_INTERNAL" });
  buffers.record([{ task: "t-1-a-1", attempts: 8, right: 2 }, { task: "gone", attempts: 8, right: 8 }], 4);
  t.match(buffers.of("abduction").statistics("t-1-a-1"), { attempts: 8, right: 2, answered: 4 });
  t.match(buffers.of("deduction").statistics("t-1-d-0"), { attempts: 0, answered: null });
  t.equal(buffers.of("deduction").statistics("gone"), undefined);

  const alone = createTaskBuffers([kindNamed("induction")], 100);
  alone.of("induction").add(task("induction", 1, 2), "z");
  t.equal(alone.samplePrograms(1, createRandom(0))[0]?.id, "t-1-i-2", "induction alone builds on its own programs");
});
