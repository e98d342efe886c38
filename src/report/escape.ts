// Turns any text, above all text that a model wrote, into harmless HTML. Every string in the report passes through here.

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** HTML of a text for element content and quoted attributes. Control characters become visible boxes instead of reaching the parser. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => entities[character]!)
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g, "\u25a1")
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

/** Cuts a text to a length for display and says that it did. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)} … (${text.length - length} more characters)`;
}
