import t from "tap";
import { orderOfVariant } from "../../src/executor/order-inputs.ts";

t.test("orders of inputs", async (t) => {
  for (const count of [2, 3, 6, 40]) {
    for (const variant of [1, 2, 3]) {
      const order = orderOfVariant(count, variant, "def f(x): return x");
      t.same(order.toSorted((a, b) => a - b), Array.from({ length: count }, (_, index) => index), "a permutation");
      t.notOk(order.some((from, at) => from === at), "nothing keeps its place");
      t.same(orderOfVariant(count, variant, "def f(x): return x"), order, "always the same one");
    }
  }
  t.same(orderOfVariant(1, 1, ""), [0]);
  t.same(orderOfVariant(0, 1, ""), []);
  const orders = new Set(Array.from({ length: 200 }, (_, index) => orderOfVariant(4, 1, `program ${index}`).join()));
  t.equal(orders.size, 6, "each of the six cycles of four comes up");
});
