// Text out of token ids as they come: a character whose bytes lie in several tokens appears when its last byte is there. For streams of
// generated tokens; tokenizer.ts decodes whole rows.
import type { DecodeOptions, Tokenizer } from "./tokenizer.ts";

export interface TextStream {
  /** The text that this id makes certain; often empty. */
  push(id: number): string;
  /** What is left at the end: bytes of a character that never came become U+FFFD. */
  end(): string;
}

// Four tokens hold a whole character at least, so what lies further back than this is certain even where nothing but U+FFFD comes.
const mostHeld = 32;

/**
 * Starts a stream. All that push() and end() give, put together, is decode() of all ids; only where single bytes are tokens (<0x0A>) and are no
 * text, decode() takes back good characters beside them, which a stream has given out already.
 */
export function createTextStream(tokenizer: Pick<Tokenizer, "decode">, options: DecodeOptions = {}): TextStream {
  // Tokens whose text is out, as far as what follows depends on them; then those that are held back.
  let context: number[] = [];
  let held: number[] = [];

  const after = (ids: number[]): string => tokenizer.decode([...context, ...ids], options).slice(tokenizer.decode(context, options).length);

  function push(id: number): string {
    held.push(id);
    const text = after(held);
    if (text === "") return "";
    if (!text.endsWith("\ufffd")) return release(held.length, text);
    for (let kept = 4; held.length > mostHeld && kept < 8; kept++) {
      const part = after(held.slice(0, -kept));
      if (text.startsWith(part)) return release(held.length - kept, part);
    }
    return "";
  }

  function release(count: number, text: string): string {
    context = held.slice(0, count);
    held = held.slice(count);
    return text;
  }

  function end(): string {
    const text = after(held);
    context = [...context, ...held];
    held = [];
    return text;
  }

  return { push, end };
}
