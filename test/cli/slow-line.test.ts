// What is said while a command shows nothing else: after a while, on a terminal in place, elsewhere in lines, with --json never.
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { slowLine } from "../../src/cli/slow-line.ts";

function stream(terminal: boolean) {
  const stderr = Object.assign(new PassThrough(), terminal ? { isTTY: true, columns: 30 } : {});
  let text = "";
  stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { context: { stderr, env: {} }, text: () => text };
}
const patience = { live: 5, plain: 5 };

t.test("on a terminal one line is rewritten and taken away at the end", async (t) => {
  const { context, text } = stream(true);
  {
    using line = slowLine(context, "opening a model with a long name indeed", { patience });
    while (!text().includes("opening")) await sleep(2);
    line.erase();
    line.tell("sampling");
    while (!text().includes("sampling ... 0 s")) await sleep(2);
  }
  t.match(text(), /^opening a \.\.\.e indeed \.\.\. 0 s\r\u001b\[2K/, "cut to the width");
  t.match(text(), /\r\u001b\[2K$/);
  t.notMatch(text(), "\n");
});

t.test("elsewhere lines come, and with --json none", async (t) => {
  const { context, text } = stream(false);
  const silent = stream(false);
  {
    using _line = slowLine(context, "opening", { patience });
    using _none = slowLine(silent.context, "opening", { patience, json: true });
    while (text().split("\n").length < 3) await sleep(2);
  }
  t.match(text(), /^(opening \.\.\. 0 s\n)+$/);
  t.equal(silent.text(), "");
  const after = text();
  await sleep(20);
  t.equal(text(), after, "nothing after the end");
});

t.test("quick work says nothing", async (t) => {
  const { context, text } = stream(true);
  { using _line = slowLine(context, "opening"); await sleep(10); }
  t.equal(text(), "");
});
