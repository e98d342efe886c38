// The operating system's faults in our words, and folders made by several at once.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { diskFault, nodeDisk } from "../../src/run/disk.ts";

t.test("operating-system faults become one sentence and a next step", async (t) => {
  const cases: [code: string, message: RegExp, hint: RegExp][] = [
    ["ENOSPC", /disk is full/, /Free some space/],
    ["EDQUOT", /disk is full/, /Free some space/],
    ["EACCES", /No permission to write/, /run\.dir/],
    ["EROFS", /No permission to write/, /run\.dir/],
    ["EIO", /Could not write \/x: text/, /azr resume/],
  ];
  for (const [code, message, hint] of cases) {
    t.match(diskFault("write", "/x", Object.assign(new Error("text"), { code })), { code: "AZR_RUN_FOLDER", message, hint, details: { path: "/x", errno: code } });
  }
});

t.test("folders are made with those above them", async (t) => {
  const dir = t.testdir({});
  for (let round = 0; round < 50; round += 1) {
    const deep = join(dir, `a${round}`, "b", "c");
    await Promise.all([nodeDisk.makeFolder(deep), nodeDisk.makeFolder(deep), nodeDisk.makeFolder(join(dir, `a${round}`))]);
    t.same(await readdir(deep), [], "folders above are made too, by several at once");
  }
});
