// The documentation against the tree: links lead somewhere, every page is in the index, every command and script that is named exists.

import t from "tap";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { errorExitCodes } from "../../src/errors.ts";
import { projectFiles, read, root } from "./source-tree.ts";

const files = projectFiles();
const pages = files.filter((path) => path.endsWith(".md"));
const packageJson = JSON.parse(read("package.json")) as { scripts: Record<string, string>; version: string };

t.test("links lead to files", async (t) => {
  const links = pages.flatMap((page) => [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => ({ page, to: to! })));
  const local = links.filter(({ to }) => !/^(https?:|#)/.test(to));
  t.ok(local.length > 10);
  const broken = local.filter(({ page, to }) => !existsSync(join(root, dirname(page), to.replace(/#.*/, ""))));
  t.same(broken.map(({ page, to }) => `${page} -> ${to}`), []);
  const linked = new Set(links.filter(({ page }) => page === "docs/README.md").map(({ to }) => normalize(join("docs", to))));
  t.same(pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md" && !linked.has(page)), [], "docs/README.md lists every page");
});

t.test("what the pages tell people to type exists", async (t) => {
  const commands = new Set(files.flatMap((path) => /^src\/cli\/commands\/([\w-]+)\.ts$/.exec(path)?.[1] ?? []));
  t.ok(commands.size > 8);
  for (const page of pages) {
    const text = read(page);
    for (const [all, command] of text.matchAll(/(?:`|npx )azr ([a-z][\w-]*)/g)) t.ok(commands.has(command!), `${page}: ${all}`);
    for (const [all, name] of text.matchAll(/npm run ([\w:-]+)/g)) t.ok(packageJson.scripts[name!], `${page}: ${all}`);
    for (const [all, path] of text.matchAll(/(?:node|jiti) ((?:scripts|examples)\/[\w./-]+)/g)) t.ok(existsSync(join(root, path!)), `${page}: ${all}`);
  }
});

t.test("every command is in the README, and the version in the changelog", async (t) => {
  const readme = read("README.md");
  const commands = files.flatMap((path) => /^src\/cli\/commands\/([\w-]+)\.ts$/.exec(path)?.[1] ?? []);
  t.same(commands.filter((name) => !new RegExp(`azr ${name}\\b`).test(readme)), []);
  t.match(read("CHANGELOG.md"), new RegExp(`^## ${packageJson.version.replaceAll(".", "\\.")}`, "m"));
});

t.test("every error code stands beside its exit code in the page of the command line", async (t) => {
  const rows = read("docs/command-line.md").split("\n").filter((line) => /^\| [\d, ]+ \|/.test(line));
  const listed = rows.flatMap((row) => [...row.matchAll(/`(AZR_\w+)`/g)].map(([, code]) => [code, Number.parseInt(row.slice(2), 10)]));
  t.same(Object.fromEntries(listed), errorExitCodes);
});
