// Which added tokens are marks, such as <|im_end|>, that give a prompt its structure. Text that comes from a model, a program or a user must not become
// one, whatever it says. Used by tokenizer-added.ts.

// Gemma has tokens for white space and for tags of HTML that are no special tokens: such text is text.
const blank = /^[\s\u2581]+$/;
const html = /^<\/?(?:a|b|bbox|blockquote|body|caption|code|div|em|footer|h[1-6]|html|i|iframe|img|li|s|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul)>$/;

/** Whether an added token is a mark. Special ones are; of the others those that are more than white space and tags of HTML, as <|User|> of DeepSeek. */
export function isMark(content: string, special: boolean): boolean {
  if (special) return true;
  return !blank.test(content) && !html.test(content) && [...content].length > 1;
}
