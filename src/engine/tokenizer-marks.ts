// Which added tokens are marks, such as <|im_end|>, that give a prompt its structure. Text that comes from a model, a program or a user must not become
// one, whatever it says. Used by tokenizer-added.ts.

// Of tokens that are not called special those in brackets, as <|User|> or [TOOL_CALLS]; words and white space are text, and so are tags of HTML, for which Gemma
// has tokens.
const bracketed = /^[\s\u2581]*[<[{|].*\p{L}.*[>\]}|][\s\u2581]*$/su;
const html = /^<\/?(?:a|b|bbox|blockquote|body|caption|code|div|em|footer|h[1-6]|html|i|iframe|img|li|s|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul)>$/;

/** Whether an added token is a mark. */
export function isMark(content: string, special: boolean): boolean {
  return special || (bracketed.test(content) && !html.test(content));
}
