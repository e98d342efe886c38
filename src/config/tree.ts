// Merging of partial configurations as plain trees, with a record of where each value came from. Arrays are values, not trees.

export type Tree = { [key: string]: unknown };

export const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// As own keys, whatever they are called: a file may hold "__proto__".
const own = (tree: Tree, key: string): unknown => (Object.hasOwn(tree, key) ? tree[key] : undefined);
const put = (tree: Tree, key: string, value: unknown): unknown => Object.defineProperty(tree, key, { value, writable: true, enumerable: true, configurable: true });

/** Writes the values of `source` over `target` and notes `origin` for each leaf's dotted path. Undefined values are skipped. */
export function mergeTree(target: Tree, source: Tree, origin: string, origins: Record<string, string>, prefix = ""): void {
  for (const [key, value] of Object.entries(source)) {
    const path = prefix + key;
    if (value === undefined) continue;
    if (!isTree(value)) {
      put(target, key, value);
      put(origins, path, origin);
      continue;
    }
    const existing = own(target, key);
    const child: Tree = isTree(existing) ? existing : {};
    put(target, key, child);
    mergeTree(child, value, origin, origins, `${path}.`);
  }
}

/** Dotted path and value of each leaf, in key order of the tree. */
export function leaves(tree: Tree, prefix = ""): [path: string, value: unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] =>
    isTree(value) ? leaves(value, `${prefix}${key}.`) : [[prefix + key, value]],
  );
}

/** A leaf whose value differs between two trees; undefined where one of them has none. */
export interface TreeDifference {
  path: string;
  there: unknown;
  here: unknown;
}

/** The leaves that differ, in the order of `there`, then those that only `here` has. */
export function treeDifferences(there: Tree, here: Tree): TreeDifference[] {
  const old = new Map(leaves(there));
  const now = new Map(leaves(here));
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((path) => ({ path, there: old.get(path), here: now.get(path) }))
    .filter((one) => stableJson(one.there) !== stableJson(one.here));
}

/** Sets the value at a dotted path, making the trees on the way. */
export function setPath(tree: Tree, path: string[], value: unknown): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  if (rest.length === 0) {
    put(tree, head, value);
    return;
  }
  const existing = own(tree, head);
  const child: Tree = isTree(existing) ? existing : {};
  put(tree, head, child);
  setPath(child, rest, value);
}

/** JSON with keys sorted at every depth, for hashing. */
export function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableJson).join(",")}]`;
  if (!isTree(value)) return JSON.stringify(value) ?? "null";
  const keys = Object.keys(value).filter((key) => value[key] !== undefined).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${stableJson(value[key])}`).join(",")}}`;
}
