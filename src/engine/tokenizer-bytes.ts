// The printable alphabet of byte-level files (GPT-2, Llama 3, SmolLM2, Qwen): each byte of UTF-8 is written as one character.
// Used by tokenizer-split.ts, which writes it, and tokenizer-decoder.ts, which reads it.

// Printable Latin-1 bytes stand for themselves, the other 68 for U+0100 onwards, in byte order.
const characterOfByte: string[] = [];
const byteOfCharacter = new Map<string, number>();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const character = String.fromCharCode(printable ? byte : next++);
  characterOfByte.push(character);
  byteOfCharacter.set(character, byte);
}

const encoder = new TextEncoder();
// A byte order mark is text like any other here.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text's UTF-8 bytes, each as its character of the alphabet. */
export function bytesToCharacters(text: string): string {
  let characters = "";
  for (const byte of encoder.encode(text)) characters += characterOfByte[byte]!;
  return characters;
}

function bytesOf(token: string): ArrayLike<number> {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = byteOfCharacter.get(character);
    // A token with any other character stands for itself.
    if (byte === undefined) return encoder.encode(token);
    bytes.push(byte);
  }
  return bytes;
}

/** The text that byte-level tokens spell together; bytes that are not UTF-8 (a cut-off character) become U+FFFD. */
export function tokensToText(tokens: readonly string[]): string {
  const bytes: number[] = [];
  for (const token of tokens) {
    const part = bytesOf(token);
    for (let index = 0; index < part.length; index++) bytes.push(part[index]!);
  }
  return decoder.decode(Uint8Array.from(bytes));
}
