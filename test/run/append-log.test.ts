// Logs of a run: of known length, cut back to it on opening, and never with half a line in the middle.
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { openAppendLog } from "../../src/run/append-log.ts";
import { nodeDisk } from "../../src/run/disk.ts";
import { failingDisk } from "../../src/testing/index.ts";

t.test("logs: what is flushed is in the file, and opening cuts back to a length", async (t) => {
  const path = join(t.testdir({}), "x.jsonl");
  const log = await openAppendLog(nodeDisk, path, 0);
  log.append({ a: 1 });
  t.equal(log.size, 0, "not yet in the file");
  await log.flush();
  const mark = log.size;
  t.equal(await readFile(path, "utf8"), '{"a":1}\n');
  log.append({ b: "é" });
  await Promise.all([log.flush(), log.flush()]);
  await log.close();
  t.equal(log.size, Buffer.byteLength('{"a":1}\n{"b":"é"}\n'));
  await appendFile(path, '{"torn":');
  const again = await openAppendLog(nodeDisk, path, mark);
  again.append({ c: 3 });
  await again.close();
  t.equal(await readFile(path, "utf8"), '{"a":1}\n{"c":3}\n');
  const small = await openAppendLog(failingDisk({ bytes: 10, as: "full" }), path, 0);
  small.append({ long: "0123456789" });
  await t.rejects(small.flush(), { code: "AZR_RUN_FOLDER", message: /disk is full/ });
  small.append({ after: 1 });
  await t.rejects(small.flush(), { code: "AZR_RUN_FOLDER" }, "nothing follows half a line");
  await t.rejects(small.close(), { code: "AZR_RUN_FOLDER" });
});
