// The names that `preset` takes: a recipe says how to train, a size says what. Both may be named: `paper,coder-7b`. Their values are in presets.ts
// and sizes.ts; schema.ts checks a name, resolve.ts makes layers of it.

export const recipeNames = ["demo", "tuned", "paper", "reference"] as const;
export type RecipeName = (typeof recipeNames)[number];

/** Each with the recipe that it goes by when it is named alone. */
export const recipeOfSize = {
  "tiny-cpu": "demo",
  "small-1gpu": "tuned",
  "coder-3b": "paper",
  "7b": "paper",
  "coder-7b": "paper",
  "14b": "paper",
  "coder-14b": "paper",
  "llama-8b": "paper",
  "qwen3-4b": "paper",
} as const satisfies Record<string, RecipeName>;
export type SizeName = keyof typeof recipeOfSize;
export const sizeNames = Object.keys(recipeOfSize) as SizeName[];

export const presetNames = [...recipeNames, ...sizeNames];
export type PresetName = RecipeName | SizeName;
/** One name, or a recipe and a size. */
export type Preset = PresetName | `${RecipeName},${SizeName}`;

export interface PresetParts {
  recipe: RecipeName;
  size: SizeName | undefined;
}

const named = <Name extends string>(names: readonly Name[], parts: readonly string[]): Name[] => names.filter((name) => parts.includes(name));

/** What a preset stands for, or what is wrong with it. The order of the two names does not matter. */
export function readPreset(text: string): PresetParts | string {
  const parts = text.split(",").map((part) => part.trim());
  const [recipes, sizes] = [named(recipeNames, parts), named(sizeNames, parts)];
  const unknown = parts.find((part) => !(presetNames as string[]).includes(part));
  if (unknown !== undefined) return `takes ${recipeNames.join(", ")} or ${sizeNames.join(", ")}, or one of the first and one of the others as in paper,coder-7b`;
  if (parts.length > 2 || recipes.length > 1 || sizes.length > 1) return `takes one of ${recipeNames.join(", ")} and one of ${sizeNames.join(", ")}`;
  const [size] = sizes;
  const recipe = recipes[0] ?? recipeOfSize[size!];
  if (recipe === "demo" && size !== undefined && size !== "tiny-cpu") return `demo is the seedling's recipe; with ${size} take tuned, paper or reference`;
  return { recipe, size };
}
