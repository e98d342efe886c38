// The entry point as a process of its own: exit codes, and a reader that leaves. (process.test.ts has whole commands at work.)
import t from "tap";
import { once } from "node:events";
import { azrProcess } from "./harness.ts";

t.test("the entry point as a process", async (t) => {
  t.test("exit codes reach the shell", async (t) => {
    const child = azrProcess(["train", "--steps", "x"]);
    const [code] = (await once(child, "close")) as [number];
    t.equal(code, 2);
  });
  t.test("a reader that leaves ends the command quietly", async (t) => {
    const child = azrProcess(["--help"]);
    let stderr = "";
    child.stderr!.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout!.destroy();
    const [code] = (await once(child, "close")) as [number];
    t.equal(code, 0);
    t.notMatch(stderr, /EPIPE|Error/);
  });
});
