// Opening a model asks a GGUF file for its sizes, its tokenizer, its template and its weights, each by itself; parsing the head takes a good part
// of that. Within one opening each head is parsed once. Used by gguf.ts; openings are open.ts, ../open-model.ts and ../generate-text.ts.
import { AsyncLocalStorage } from "node:async_hooks";
import type { GgufFile } from "./gguf.ts";

// Undefined once the opening is through: what it leaves behind, such as the engine's thread, must neither hold heads nor see old ones.
interface Opening {
  heads: Map<string, GgufFile> | undefined;
}

const openings = new AsyncLocalStorage<Opening>();

/** Calls `open`; until it is settled, all that it does reads each head once. Within another such call it is part of that one. */
export async function readingHeadsOnce<Result>(open: () => Promise<Result>): Promise<Result> {
  if (openings.getStore()?.heads !== undefined) return open();
  const opening: Opening = { heads: new Map() };
  try {
    return await openings.run(opening, open);
  } finally {
    opening.heads = undefined;
  }
}

/** The head of the file at `path`: what `parse` gives, or gave before in this opening. */
export function headOf(path: string, parse: () => GgufFile): GgufFile {
  const heads = openings.getStore()?.heads;
  const head = heads?.get(path) ?? parse();
  heads?.set(path, head);
  return head;
}
