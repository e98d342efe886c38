// Labels of failures are those of builtin exceptions, and all of them are known.
import t from "tap";
import { builtinLabel } from "../../src/executor/exception-names.ts";
import { openExecutorFor } from "./support/open.ts";

const program = `
def f():
    import builtins
    kinds = [kind for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, BaseException)]
    return sorted({kind.__name__ for kind in kinds})
`;

t.test("every builtin exception of this Python has its name", async (t) => {
  const executor = await openExecutorFor(t);
  const { runs } = await executor.run({ program, inputs: [""] });
  const names = [...runs[0]!.value!.matchAll(/\w+/g)].map(([name]) => name);
  t.ok(names.length > 60 && names.includes("ZeroDivisionError"), runs[0]!.value!);
  t.same(names.filter((name) => builtinLabel(name) !== name), []);
});

t.test("nothing else has one", (t) => {
  for (const label of ["NoError", "ValueError\nok", "valueerror", "", "__proto__", "toString"]) t.equal(builtinLabel(label), "SystemError", JSON.stringify(label));
  t.end();
});
