// The memory of analyses: asked once a program, shared while it runs, bounded, without failures.
import t from "tap";
import type { AnalyseResult } from "../../src/executor/executor.ts";
import { rememberAnalyses } from "../../src/executor/remember-analyses.ts";

function counting(change: (program: string) => Partial<AnalyseResult> | Error = () => ({})) {
  const asked: string[] = [];
  const analyse = rememberAnalyses(async (program) => {
    asked.push(program);
    const changed = change(program);
    if (changed instanceof Error) throw changed;
    return { ok: true, normalised: program, functions: ["f"], entry: [], imports: [], names: [], statements: 1, ...changed };
  });
  return { asked, analyse };
}

t.test("a program is analysed once, be it asked for at the same time or later", async (t) => {
  const { asked, analyse } = counting();
  const [first, second] = await Promise.all([analyse("a"), analyse("a")]);
  t.equal(first, second);
  t.equal(await analyse("a"), first);
  t.equal((await analyse("b")).normalised, "b");
  t.same(asked, ["a", "b"]);
  t.throws(() => first.functions.push("g"), TypeError, "nobody changes what others get");
});

t.test("neither is a refusal: it may have been the machine's", async (t) => {
  const { asked, analyse } = counting(() => ({ ok: false, message: "too deep" }));
  await analyse("a");
  await analyse("a");
  t.equal(asked.length, 2);
});

t.test("a failure is not remembered", async (t) => {
  let broken = true;
  const { asked, analyse } = counting(() => (broken ? new Error("no") : {}));
  await t.rejects(analyse("a"), { message: "no" });
  broken = false;
  t.equal((await analyse("a")).ok, true);
  t.equal(asked.length, 2);
});

t.test("neither long programs nor long normal forms are kept", async (t) => {
  const { asked, analyse } = counting((program) => ({ normalised: program === "a" ? "n".repeat(5000) : program }));
  for (const program of ["a", "x".repeat(5000)]) {
    await analyse(program);
    await analyse(program);
  }
  t.equal(asked.length, 4);
});

t.test("the one that was not asked for longest leaves first", async (t) => {
  const { asked, analyse } = counting();
  for (let index = 0; index < 4096; index++) await analyse(String(index));
  await analyse("0");
  await analyse("one more");
  asked.length = 0;
  await analyse("0");
  await analyse("1");
  t.same(asked, ["1"]);
});
