// No program of the held-out or the validation split is in the corpus, in whatever role, and the committed task files follow
// the rule. A fresh sample of the corpus is made with the real executor, then every program text in its documents is hashed anew.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { formatNamed } from "../../src/curriculum/format.ts";
import { kindNamed } from "../../src/curriculum/kinds/registry.ts";
import { programHash } from "../../src/curriculum/kinds/shared-program.ts";
import { splitOfProgram, type Split } from "../../src/curriculum/split.ts";
import type { Task } from "../../src/curriculum/task.ts";
import { seedlingFolder } from "../../src/engine/resolve-model.ts";
import { loadTokenizer } from "../../src/engine/tokenizer.ts";
import { openExecutor } from "../../src/executor/open.ts";

// The scripts are plain JavaScript over dist/; their types are not part of the package.
const script = (name: string) => import(new URL(`../../scripts/pretrain/${name}.mjs`, import.meta.url).href);
const repository = join(import.meta.dirname, "..", "..");
const taskFile = (name: string): Task[] =>
  readFileSync(join(seedlingFolder(), "held-out", `${name}.jsonl`), "utf8").trim().split("\n").map((line) => JSON.parse(line));

t.test("the rule", async (t) => {
  const cases: [string, number | undefined, Split][] = [
    ["00", undefined, "held-out"], ["f8", 2, "held-out"], ["f1", 3, "validation"], ["A9", undefined, "validation"],
    ["02", 2, "train"], ["ff", 2, "train"], ["f8", 1, "train"], ["f9", 1, "train"],
  ];
  for (const [hash, statements, split] of cases) t.equal(splitOfProgram(hash, statements), split, `${hash} ${statements}`);
  for (const bad of ["", "xyz", "0x10"]) t.throws(() => splitOfProgram(bad), { code: "AZR_INPUT_INVALID" });
});

t.test("corpus and task files", async (t) => {
  t.ok(existsSync(join(repository, "dist")), "the package is built (npm run build)");
  const { corpusGroups } = await script("corpus");
  const { allPrograms } = await script("grammar");
  const tokenizer = loadTokenizer(seedlingFolder());
  await using executor = await openExecutor({ workers: 2 });
  const known = new Map<string, { hash: string; statements: number }>();
  const classify = async (program: string) => {
    let found = known.get(program);
    if (found === undefined) {
      const analysis = await executor.analyse(program);
      // A corrupted proposal may be cut off; such a text is no program of any split.
      found = { hash: analysis.ok ? programHash(analysis.normalised) : "7", statements: analysis.ok ? analysis.statements : 0 };
      known.set(program, found);
    }
    return found;
  };
  const splitOf = async (program: string) => {
    const { hash, statements } = await classify(program);
    return splitOfProgram(hash, statements);
  };

  await t.test("a fresh sample of the corpus holds programs for training only", async (t) => {
    const options = { executor, tokenizer, seed: 20_251, split: "train", programs: 1500 };
    const programs = new Set<string>();
    const first: number[][] = [];
    let rows = 0;
    for await (const group of corpusGroups(options)) {
      if (first.length < 200) first.push([...group.prompt, ...group.completions.flatMap(({ ids }: { ids: number[] }) => ids)]);
      // Programs are read back from the tokens that would be trained on, not from the generator's own records.
      for (const { ids } of group.completions) {
        rows += 1;
        const text = tokenizer.decode([...group.prompt, ...ids]);
        for (const [, program] of text.matchAll(/<\|program\|>([^<]+)/g)) programs.add(program!);
      }
    }
    t.ok(rows > 4000, `${rows} rows`);
    t.ok(programs.size > 400, `${programs.size} distinct programs`);
    const sides = new Map<Split, number>();
    const taskHashes = new Set<string>();
    for (const { program } of [...taskFile("heldout"), ...taskFile("validation")]) taskHashes.add((await classify(program)).hash);
    const leaked: string[] = [];
    for (const program of programs) {
      if (taskHashes.has((await classify(program)).hash)) leaked.push(program);
      // A corrupted proposal may break off after `return`: that still parses, but gives None for all inputs and is no program of the grammar.
      if (/\breturn$/.test(program)) continue;
      const side = await splitOf(program);
      sides.set(side, (sides.get(side) ?? 0) + 1);
      if (side !== "train") t.fail(`${side} program in the corpus`, { program });
    }
    t.same(leaked, [], "no program of a held-out or validation task");
    t.same([...sides.keys()], ["train"]);
    const again: number[][] = [];
    for await (const group of corpusGroups({ ...options, programs: 400 })) {
      if (again.length < 200) again.push([...group.prompt, ...group.completions.flatMap(({ ids }: { ids: number[] }) => ids)]);
    }
    t.same(again, first, "the same seed makes the same documents");
  });

  await t.test("renaming, comments and spacing do not change sides", async (t) => {
    const [program] = allPrograms(3).slice(4321);
    const renamed = program.replaceAll(/\ba\b(?!\()/g, "value").replace("def f(value):", "def f( value ):  # says nothing\n").replaceAll(" + ", "+");
    t.not(renamed, program);
    t.equal((await classify(renamed)).hash, (await classify(program)).hash, renamed);
  });

  for (const [name, split, longer] of [["heldout", "held-out", 1750], ["validation", "validation", 750]] as const) {
    await t.test(`${name}.jsonl`, async (t) => {
      const tasks = taskFile(name);
      const ids = new Set(tasks.map(({ id }) => id));
      t.equal(ids.size, tasks.length, "ids are distinct");
      for (const kind of ["deduction", "abduction", "induction"]) {
        const own = tasks.filter((task) => task.kind === kind);
        const statements = await Promise.all(own.map(async ({ program }) => (await classify(program)).statements));
        t.same([2, 3].map((lines) => statements.filter((found) => found === lines).length), [250, longer], `${kind}: of two statements and of three`);
        t.equal(new Set(own.map(({ program }) => program)).size, 250 + longer, "a program occurs once a kind");
      }
      const wrongSide = (await Promise.all(tasks.map(async (task) => ((await splitOf(task.program)) === split ? [] : [task.id])))).flat();
      t.same(wrongSide, [], `every program hashes to the ${split} side`);
      const wrongOutput: string[] = [];
      await Promise.all(
        tasks.map(async ({ id, program, input, output, pairs = [{ input: input!, output: output! }] }) => {
          const { runs } = await executor.run({ program, inputs: pairs.map((pair) => pair.input), isolation: "program" });
          if (!pairs.every((pair, at) => runs[at]!.value === pair.output)) wrongOutput.push(id);
        }),
      );
      t.same(wrongOutput, [], "outputs are what the programs give");
      const format = formatNamed("compact");
      const unknown = tokenizer.specialTokenId("<|unknown|>");
      const strange = tasks.filter((task) => {
        const prompt = tokenizer.encode(kindNamed(task.kind).buildSolutionPrompt(task, format).text);
        return prompt.includes(unknown) || prompt.length > 200;
      });
      t.same(strange.map(({ id }) => id), [], "prompts fit the vocabulary");
    });
  }
});
