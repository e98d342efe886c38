// The template language of the prompt files: {{name}} puts a value in, {{fence name}} puts it in a fenced block,
// {{#list}}...{{/list}} repeats for each item (with {{index}} from 1) or, for a text, appears once when it is not empty,
// {{prefill}} marks where the part begins that the model continues. Values are never expanded again.

import { existsSync, readFileSync } from "node:fs";
import { AzrError } from "../errors.ts";

/** Values by name; a list of values for a section. */
export interface TemplateValues {
  [name: string]: string | TemplateValues[];
}

/** How `{{fence name}}` writes a block. */
export type Fence = (name: string, text: string) => string;

/** A stretch of a text: from where to where. */
export type Stretch = readonly [start: number, end: number];

export interface Rendered {
  text: string;
  prefill: string;
  /** Where the text holds values, in order. All else is the template's own. */
  literal: Stretch[];
}

export type Part =
  | { type: "text"; text: string }
  | { type: "value" | "fence"; name: string }
  | { type: "prefill" }
  | { type: "section"; name: string; parts: Part[] };

const cache = new Map<string, Part[]>();

// The prompt files ship with the sources; the path is the same from src/curriculum and from dist/curriculum.
const fileOf = (path: string): URL => new URL(`../../src/curriculum/prompts/${path}`, import.meta.url);

/** Whether there is such a template. */
export const hasTemplate = (folder: string, name: string): boolean => cache.has(`${folder}/${name}.txt`) || existsSync(fileOf(`${folder}/${name}.txt`));

/** Reads prompts/FOLDER/NAME.txt (its last line end dropped) once. Throws AZR_INTERNAL when it is missing or ill-formed. */
export function loadTemplate(folder: string, name: string): Part[] {
  const path = `${folder}/${name}.txt`;
  let parts = cache.get(path);
  if (parts === undefined) {
    let source: string;
    try {
      source = readFileSync(fileOf(path), "utf8");
    } catch (cause) {
      throw new AzrError("AZR_INTERNAL", `The prompt file ${path} cannot be read.`, {
        cause,
        hint: "Reinstall the package; a task kind of your own brings propose-NAME and solve-NAME with registerTemplate.",
      });
    }
    parts = parseTemplate(source.replace(/\n$/, ""), path);
    cache.set(path, parts);
  }
  return parts;
}

/** Gives a format (by its `version`) a template for a kind from outside the package, such as `propose-NAME`. Throws AZR_INTERNAL for ill-formed text. */
export function registerTemplate(folder: string, name: string, source: string): void {
  const path = `${folder}/${name}`;
  cache.set(`${path}.txt`, parseTemplate(source, path));
}

/** Parses template text. `origin` names it in errors. */
export function parseTemplate(text: string, origin: string): Part[] {
  // A section's tag on a line of its own takes its line end with it.
  const source = text.replace(/^(\{\{[#/][a-z]+\}\})\n/gim, "$1");
  const root: Part[] = [];
  const open: { name: string; parts: Part[] }[] = [{ name: "", parts: root }];
  let end = 0;
  for (const match of source.matchAll(/\{\{([#/]|fence )?([a-z]+)\}\}/gi)) {
    const { parts } = open.at(-1)!;
    if (match.index > end) parts.push({ type: "text", text: source.slice(end, match.index) });
    end = match.index + match[0].length;
    const name = match[2]!;
    if (match[1] === "#") {
      const section: Part = { type: "section", name, parts: [] };
      parts.push(section);
      open.push(section);
    } else if (match[1] === "/") {
      if (open.length < 2 || open.pop()!.name !== name) throw new AzrError("AZR_INTERNAL", `${origin}: {{/${name}}} closes nothing.`);
    } else if (name === "prefill") {
      parts.push({ type: "prefill" });
    } else {
      parts.push({ type: match[1] === undefined ? "value" : "fence", name });
    }
  }
  if (open.length > 1) throw new AzrError("AZR_INTERNAL", `${origin}: {{#${open.at(-1)!.name}}} is not closed.`);
  if (end < source.length) root.push({ type: "text", text: source.slice(end) });
  return root;
}

/** Renders a parsed template. Throws AZR_INTERNAL for a name without a value. */
export function renderTemplate(template: Part[], values: TemplateValues, fence: Fence): Rendered {
  let text = "";
  let prefillStart: number | undefined;
  const literal: Stretch[] = [];
  const lookup = (scopes: TemplateValues[], name: string): string | TemplateValues[] => {
    for (const scope of scopes) if (Object.hasOwn(scope, name)) return scope[name]!;
    throw new AzrError("AZR_INTERNAL", `The prompt template asks for "${name}", which has no value.`);
  };
  const write = (parts: Part[], scopes: TemplateValues[]): void => {
    for (const part of parts) {
      if (part.type === "text") {
        text += part.text;
      } else if (part.type === "prefill") {
        prefillStart = text.length;
      } else if (part.type === "section") {
        const value = lookup(scopes, part.name);
        if (typeof value !== "string") value.forEach((item, at) => write(part.parts, [item, { index: String(at + 1) }, ...scopes]));
        else if (value !== "") write(part.parts, scopes);
      } else {
        const value = lookup(scopes, part.name);
        if (typeof value !== "string") throw new AzrError("AZR_INTERNAL", `The prompt template uses the list "${part.name}" as a text.`);
        const start = text.length;
        text += part.type === "fence" ? fence(part.name, value) : value;
        literal.push([start, text.length]);
      }
    }
  };
  write(template, [values]);
  return { text, prefill: prefillStart === undefined ? "" : text.slice(prefillStart), literal };
}
