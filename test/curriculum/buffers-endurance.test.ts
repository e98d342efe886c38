// Two thousand steps of the buffers alone, at their cap from early on: what they hold and how many tasks a step looks at stay the same. (../run/endurance.slow.test.ts: of
// whole runs, in bytes and processor time.)
import t from "tap";
import { evictions } from "../../src/curriculum/eviction.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { taskId, weightings } from "../../src/curriculum/task-buffer.ts";
import { createTaskBuffers } from "../../src/curriculum/task-buffers.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { createRandom } from "../../src/random.ts";

const [steps, capacity, added, answered, references] = [2000, 128, 8, 8, 4];

for (const eviction of evictions) {
  for (const weighting of weightings) {
    t.test(`${eviction}, drawn by ${weighting}`, async (t) => {
      const kinds = ["deduction", "abduction"].map(kindNamed);
      const buffers = createTaskBuffers(kinds, capacity, { eviction });
      let looked = 0;
      /** A task that counts how often somebody asks where it comes from: to draw it, to rank it or to let it go. */
      const task = (kind: string, step: number, n: number, parents: string[]): Task => {
        const origin = { step, parents };
        return { id: taskId(step, kind[0]!, n), kind, program: `${step} ${n}`, input: "1", output: "1", get origin() { looked += 1; return origin; } };
      };
      const work: { looked: number; words: number; held: number }[] = [];
      for (let step = 1; step <= steps; step++) {
        looked = 0;
        let words = 0;
        let held = 0;
        for (const { name } of kinds) {
          const buffer = buffers.of(name);
          const drawn: string[][] = [];
          for (let proposal = 0; proposal < added; proposal++) {
            const random = createRandom(1, step, name, proposal);
            drawn.push(buffer.sample(references, random, weighting).map(({ id }) => id));
            words += random.getState().position;
          }
          const replayed = buffer.sample(answered, createRandom(2, step, name), weighting);
          buffers.record(replayed.map(({ id }, at) => ({ task: id, attempts: 8, right: (step + at) % 9 })), step);
          drawn.forEach((parents, n) => buffer.add(task(name, step, n, parents), `${name} ${step} ${n}`, { attempts: 8, right: (step * 5 + n) % 9 }));
          buffer.since(step);
          if (step % 100 === 0) buffers.removeWithOffspring([buffer.newest(1)[0]!.id]);
          held += [...buffer.lineage()].length;
        }
        work.push({ looked, words, held });
      }
      const sum = (from: number, to: number, value: (one: (typeof work)[number]) => number) => work.slice(from, to).reduce((total, one) => total + value(one), 0);
      for (const what of ["looked", "words"] as const) {
        const [early, late] = [sum(200, 500, (one) => one[what]), sum(1700, 2000, (one) => one[what])];
        t.ok(early > 0 && late <= 1.05 * early, `${what}: ${early} in steps 201 to 500, ${late} in steps 1,701 to 2,000`);
      }
      t.ok(Math.max(...work.map(({ held }) => held)) <= kinds.length * 5 * capacity, "tasks and lines of descent");
      t.ok(kinds.every(({ name }) => buffers.of(name).size <= capacity));
      t.ok(buffers.knows(`deduction ${steps} 0`) && buffers.knows("deduction 1 0"));
    });
  }
}
