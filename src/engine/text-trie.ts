// A set of texts as a tree of UTF-16 units, to find which of them begin at a place. Used by tokenizer-cutter.ts and tokenizer-unigram.ts.
import { createPairTable } from "./pair-table.ts";

export interface TextTrie {
  /** The node that this unit leads to from a node (0 is the root), or -1. */
  step(node: number, unit: number): number;
  /** The index in the list of the text that ends at a node, or -1. */
  textAt(node: number): number;
}

/** Builds the tree; of equal texts the last one counts. */
export function createTextTrie(texts: readonly string[]): TextTrie {
  const edges = createPairTable(2 * texts.length);
  const ends: number[] = [-1];
  for (const [index, text] of texts.entries()) {
    let node = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      let next = edges.get(node, unit);
      if (next < 0) {
        next = ends.push(-1) - 1;
        edges.set(node, unit, next);
      }
      node = next;
    }
    ends[node] = index;
  }
  return { step: edges.get, textAt: (node) => ends[node]! };
}
