// Text of a model, for a terminal: what would move the cursor, change colours or turn the direction of writing is shown as its code.

/** Control characters, and those that reorder what is shown. */
const unseen = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export const visible = (text: string): string => text.replace(unseen, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
