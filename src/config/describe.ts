// The settings as a page for people (docs/settings.md), made from the schema, so that it cannot fall behind; test/config checks the file.
import { configJsonSchema } from "./schema.ts";
import { environmentKeys } from "./resolve.ts";

interface Node {
  description?: string;
  default?: unknown;
  properties?: Record<string, Node>;
  type?: string;
  enum?: unknown[];
  items?: Node;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

interface Setting {
  path: string;
  node: Node;
}

function settingsOf(node: Node, path: string): Setting[] {
  if (node.properties === undefined) return [{ path, node }];
  return Object.entries(node.properties).flatMap(([key, child]) => settingsOf(child, path === "" ? key : `${path}.${key}`));
}

// The largest whole number that a double holds exactly is what zod writes for "no end".
const bound = (value: number | undefined): number | undefined => (value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? undefined : value);

function valuesOf({ enum: choices, type, items, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Node): string {
  if (choices !== undefined) return choices.map((choice) => `\`${String(choice)}\``).join(", ");
  if (type === "array") return `list of ${items === undefined ? "values" : valuesOf(items)}`;
  if (type !== "integer" && type !== "number") return type ?? "any";
  const low = bound(exclusiveMinimum) !== undefined ? `above ${exclusiveMinimum}` : bound(minimum) !== undefined ? `from ${minimum}` : "";
  const high = bound(exclusiveMaximum) !== undefined ? `below ${exclusiveMaximum}` : bound(maximum) !== undefined ? `to ${maximum}` : "";
  return [type === "integer" ? "whole number" : "number", low, high].filter(Boolean).join(" ");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Markdown: a table of every setting of a schema, with its values, default and meaning. */
export function settingsTable(schema: object): string {
  const rows = settingsOf(schema as Node, "").map(({ path, node }) => {
    const shown = node.default === undefined ? "" : `\`${JSON.stringify(node.default)}\``;
    return `| \`${path}\` | ${cell(valuesOf(node))} | ${cell(shown)} | ${cell(node.description ?? "")} |`;
  });
  return `| Setting | Values | Default | Meaning |
|---|---|---|---|
${rows.join("\n")}`;
}

/** Markdown: every setting of self-play, and where a value may come from. */
export function settingsPage(): string {
  const variables = Object.entries(environmentKeys).map(([variable, path]) => `| \`${variable}\` | \`${path}\` |`);
  return `# Settings

Every setting of a run. A value comes from the last of these that names it: the default below, the preset, \`azr.config.*\` (found from the
working folder upwards, or named: \`azr train FILE\`), the environment, \`--set\`, an option of the command. \`azr train --dry-run\` prints the
values that a run would have, and where each comes from.

On the command line: \`--set update.learningRate=1e-4\`; the right side is JSON, or else taken as text: \`--set 'kinds=["deduction"]'\`.
In a file: \`export default defineConfig({ update: { learningRate: 1e-4 } })\`.

${settingsTable(configJsonSchema())}

| Environment variable | Setting |
|---|---|
${variables.join("\n")}
`;
}
