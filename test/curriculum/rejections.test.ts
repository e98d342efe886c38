// Reasons of rejection: the table in docs/task-kinds.md is the one in the code, and each reason is one that something gives.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { rejectionReasons, rejectionTable } from "../../src/curriculum/kinds/rejections.ts";
import { proposerReward } from "../../src/curriculum/reward.ts";
import type { RejectionReason } from "../../src/curriculum/kinds/kind.ts";

t.test("the table in docs/task-kinds.md", async (t) => {
  const path = fileURLToPath(new URL("../../docs/task-kinds.md", import.meta.url));
  const page = await readFile(path, "utf8");
  const begin = page.indexOf("| Reason | Means |");
  t.ok(begin > 0);
  const end = page.indexOf("\n\n", begin);
  const renewed = page.slice(0, begin) + rejectionTable() + page.slice(end);
  // AZR_UPDATE_GOLDEN=1 writes it anew after an intended change.
  if (process.env.AZR_UPDATE_GOLDEN) await writeFile(path, renewed);
  t.equal(await readFile(path, "utf8"), renewed);
});

t.test("each reason is given somewhere, and is worth the same", async (t) => {
  const room = new URL("../../src/curriculum/", import.meta.url);
  const sources = readdirSync(room, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith("rejections.ts"))
    .map((path) => readFileSync(new URL(path, room), "utf8"))
    .join("\n");
  for (const [reason, meaning] of Object.entries(rejectionReasons)) {
    t.ok(sources.includes(`"${reason}"`) || new RegExp(`\\b${reason}: "`).test(sources) || new RegExp(`: "${reason}"`).test(sources), `something gives ${reason}`);
    t.match(meaning, /^[A-Z`][^|\n]+$/, "told in a sentence that stands in a table");
    t.equal(proposerReward({ accepted: false, reason: reason as RejectionReason }, { fidelity: "paper" }), reason === "sandbox-error" ? null : -1);
  }
});
