// The help of every command: complete, on standard output, with examples, and recorded in help.txt.
import t from "tap";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createProgram } from "../../src/cli/program.ts";
import { azr, capture } from "./harness.ts";

t.test("help", async (t) => {
  const { context } = capture();
  const program = createProgram(context);
  const commands = program.commands.flatMap((command) => (command.commands.length > 0 ? command.commands.map((inner) => [command.name(), inner.name()]) : [[command.name()]]));
  const texts: string[] = [];
  for (const names of [[], ...commands]) {
    const { code, stdout, stderr } = await azr([...names, "--help"]);
    const name = ["azr", ...names].join(" ");
    t.equal(code, 0, `${name} --help succeeds`);
    t.equal(stderr, "", `${name}: help is a result, on stdout`);
    t.match(stdout, /^Examples?:\n {2}/m, `${name}: has an example`);
    t.notMatch(stdout, /^ {2}--\S+( <[^>]+>)?$/m, `${name}: every option says what it does`);
    if (names.length > 0) t.match(stdout, /--json/, `${name}: has --json`);
    texts.push(`$ ${name} --help\n${stdout}`);
  }
  // The whole text is kept as a file so that changes of it are seen in review. AZR_UPDATE_SNAPSHOTS=1 writes it anew.
  const file = fileURLToPath(new URL("./help.txt", import.meta.url));
  const all = texts.join("\n");
  if (process.env["AZR_UPDATE_SNAPSHOTS"] === "1") writeFileSync(file, all);
  t.equal(all, readFileSync(file, "utf8"), "the help is as recorded in test/cli/help.txt");
});
