// docs/sft.md ends with the settings that the schema has.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import * as z from "zod";
import { settingsTable } from "../../src/config/describe.ts";
import { leaves, type Tree } from "../../src/config/tree.ts";
import { sftSchema } from "../../src/sft/config.ts";

t.test("the settings in docs/sft.md", async (t) => {
  const table = settingsTable(z.toJSONSchema(sftSchema, { io: "input" }));
  const path = fileURLToPath(new URL("../../docs/sft.md", import.meta.url));
  const page = await readFile(path, "utf8");
  const heading = "\n## Settings\n\n";
  const renewed = `${page.slice(0, page.indexOf(heading) + heading.length)}${table}\n`;
  if (process.env.AZR_UPDATE_GOLDEN) await writeFile(path, renewed);
  t.equal(await readFile(path, "utf8"), renewed, "renew it: AZR_UPDATE_GOLDEN=1 npx tap test/sft/page.test.ts");
  const rows = table.split("\n").filter((line) => /^\| `[a-z]/.test(line));
  for (const [setting] of leaves(sftSchema.parse({}) as Tree)) t.ok(rows.some((row) => row.startsWith(`| \`${setting}\` |`)), setting);
  for (const row of rows) t.notMatch(row, /\|\s*\|$/, "every setting has a meaning");
});
