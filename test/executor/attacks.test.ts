// The whole catalogue of attacks, once, on the real executor (`npm run attack` tries it more often and on other Pythons).
import t from "tap";
import { readAttacks, tryAll, tryAttack } from "./support/attack-catalogue.ts";
import { openExecutorFor } from "./support/open.ts";

const executor = await openExecutorFor(t);
const attacks = readAttacks();

t.test("the catalogue", async (t) => {
  const classes = new Map<string, number>();
  for (const attack of attacks) classes.set(attack.class, (classes.get(attack.class) ?? 0) + 1);
  t.same([...classes.keys()].sort(), ["cheating", "escape", "nondeterminism", "parser-bombs", "protocol", "resources"]);
  t.ok([...classes.values()].every((count) => count >= 15), JSON.stringify(Object.fromEntries(classes)));
  const { held, failures, open } = await tryAll(executor, attacks);
  t.same(failures, []);
  t.equal(held, 2 * attacks.length - open.length);
  for (const sentence of open) t.comment(`open: ${sentence}`);
  t.equal(executor.stats().sandboxErrors, 0);
});

t.test("a line that does not hold is told", async (t) => {
  const line = { id: "x", class: "escape", program: "def f(x): return 42", inputs: ["1", "2"], why: "a test" };
  const told: [want: Parameters<typeof tryAttack>[1]["want"], determinism: "once" | "full"][] = [
    [{ outcome: "runtime-error" }, "once"],
    [{ outcome: "ok", value: "41" }, "once"],
    [{ outcome: "ok", error: "ValueError" }, "once"],
    [{ outcome: "ok", deterministic: false }, "full"],
    [[{ outcome: "ok" }], "once"],
    [[{ outcome: "ok" }, { outcome: "ok", value: "41" }], "once"],
  ];
  for (const [want, determinism] of told) t.match(await tryAttack(executor, { ...line, want, determinism }), /x \(a test\).*must come/, JSON.stringify(want));
  t.equal(await tryAttack(executor, { ...line, want: { outcome: "time-limit|ok", value: "42", deterministic: true }, determinism: "full" }), undefined);
});
