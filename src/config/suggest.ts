// Finds the key that a misspelt one was meant to be: optimal string alignment distance over the schema's key paths.
import * as z from "zod";
import { configJsonSchema } from "./schema.ts";

interface SchemaNode {
  properties?: Record<string, SchemaNode>;
}

/** Edits (insert, delete, replace, swap of neighbours) that turn `left` into `right`, letter case ignored. */
export function editDistance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const above = rows[i - 1]!;
    for (let j = 1; j <= b.length; j++) {
      const replace = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(above[j]! + 1, row[j - 1]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

function keyPaths(node: SchemaNode, prefix: string[] = []): string[][] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const path = [...prefix, key];
    return [path, ...keyPaths(child, path)];
  });
}

/** Every key path of a configuration, dotted: `update.learningRate`. */
export const configKeys = (): string[] => keyPaths(configJsonSchema() as SchemaNode).map((path) => path.join("."));

/**
 * The known key of a schema nearest to a misspelt one, dotted, or undefined when none is near. Keys of the same section come first, then the
 * same name in other sections (`learningRate` at the top is `update.learningRate`).
 */
export function nearestKey(schema: z.ZodType, section: string[], key: string): string | undefined {
  const limit = Math.max(1, Math.floor(key.length / 3));
  let best: { path: string; cost: number } | undefined;
  for (const path of keyPaths(z.toJSONSchema(schema, { io: "input" }) as SchemaNode)) {
    const sameSection = path.length === section.length + 1 && section.every((name, index) => name === path[index]);
    const distance = editDistance(key, path.at(-1)!);
    const cost = distance + (sameSection ? 0 : 0.5);
    if (distance <= limit && (best === undefined || cost < best.cost)) best = { path: path.join("."), cost };
  }
  return best?.path;
}
