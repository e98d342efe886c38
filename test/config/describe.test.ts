import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import { settingsPage } from "../../src/config/describe.ts";
import { configSchema } from "../../src/config/schema.ts";
import { leaves, type Tree } from "../../src/config/tree.ts";

t.test("docs/settings.md is what the schema says", async (t) => {
  const page = settingsPage();
  const path = fileURLToPath(new URL("../../docs/settings.md", import.meta.url));
  if (process.env.AZR_UPDATE_GOLDEN) await writeFile(path, page);
  t.equal(await readFile(path, "utf8"), page, "renew it: AZR_UPDATE_GOLDEN=1 npx tap test/config/describe.test.ts");
  const rows = page.split("\n").filter((line) => /^\| `[a-z]/.test(line));
  for (const [setting] of leaves(configSchema.parse({}) as Tree)) t.ok(rows.some((row) => row.startsWith(`| \`${setting}\` |`)), setting);
  for (const row of rows) t.notMatch(row, /\|\s*\|$/, "every setting has a meaning");
});
