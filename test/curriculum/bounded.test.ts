// Mapping with a bound on how many run at once: results in order, nothing started after a failure.
import t from "tap";
import { mapBounded } from "../../src/curriculum/bounded.ts";

t.test("bounded mapping", async (t) => {
  let running = 0;
  let most = 0;
  const results = await mapBounded([5, 1, 3, 2, 4], 2, async (value) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < value; turn++) await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return value * 2;
  });
  t.same(results, [10, 2, 6, 4, 8]);
  t.equal(most, 2);
  const started: number[] = [];
  await t.rejects(mapBounded([1, 2, 3, 4], 1, async (value) => { started.push(value); if (value === 2) throw new Error("no"); }), /no/);
  t.same(started, [1, 2], "nothing is started after a failure");
});
