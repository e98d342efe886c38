// Rows of tokens, packed and cut again.
import t from "tap";
import { cutRows, packRows } from "../../src/curriculum/token-rows.ts";

t.test("rows", async (t) => {
  const packed = packRows([[1, 2], [], [3]]);
  t.same([[...packed.tokens], [...packed.lengths]], [[1, 2, 3], [2, 0, 1]]);
  t.same(cutRows(packed.tokens, packed.lengths).map((row) => [...row]), [[1, 2], [], [3]]);
});
