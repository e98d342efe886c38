// Kinds of task by name: those that come with the package, and one registered by a user.
import t from "tap";
import type { TaskKind } from "../../src/curriculum/kinds/kind.ts";
import { kindNamed, kindNames, registerKind } from "../../src/curriculum/kinds/registry.ts";

t.test("kinds by name", async (t) => {
  t.same(kindNames(), ["deduction", "abduction", "induction", "error"]);
  t.throws(() => kindNamed("nothing"), { code: "AZR_CONFIG_INVALID", hint: /deduction, abduction, induction/ });
  const own: TaskKind = { ...kindNamed("deduction"), name: "completion", letter: "c" };
  registerKind(own);
  t.equal(kindNamed("completion"), own);
  t.throws(() => registerKind(own), { code: "AZR_CONFIG_INVALID" });
  t.throws(() => registerKind({ ...own, name: "other" }), { code: "AZR_CONFIG_INVALID" }, "the letter is taken");
});
