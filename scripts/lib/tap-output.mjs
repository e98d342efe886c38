// Reads the TAP text of one test file. A test is an entry at the top level of the file: a named t.test, or an
// assertion made outside of one. Skips are counted and kept with their reason at every depth.

const entry = /^( *)(not ok|ok)(?: \d+)?(?: - (.*?))?(?:\s+# (time=\S+|skip|todo)(.*?))?\s*(\{)?$/i;

/** {passed, failed, skipped, skips: [text], failures: [text], planned} of a TAP text. */
export function readTap(text) {
  const result = { passed: 0, failed: 0, skipped: 0, skips: [], failures: [] };
  let planned = false;
  let block = [];
  let verbatim; // indentation of a YAML block that is being read: assertion-like lines inside it are data
  for (const line of text.split("\n")) {
    block.push(line);
    const indent = /^ */.exec(line)[0].length;
    if (verbatim !== undefined) {
      if (indent === verbatim && line.trim() === "...") verbatim = undefined;
      if (result.openFailure && indent >= 2) result.openFailure.push(line);
      continue;
    }
    if (line.trim() === "---") {
      verbatim = indent;
      if (result.openFailure && indent === 2) result.openFailure.push(line);
      continue;
    }
    if (/^1\.\.\d+/.test(line)) planned = true;
    const match = entry.exec(line);
    if (match === null) continue;
    result.openFailure = undefined;
    const [, spaces, verdict, name = "", directive = "", reason = ""] = match;
    if (/^(skip|todo)$/i.test(directive)) {
      result.skipped++;
      result.skips.push(`${name}: ${reason.trim() || "no reason given"}`);
    } else if (spaces === "" && verdict === "ok") {
      result.passed++;
    } else if (spaces === "") {
      result.failed++;
      result.failures.push((result.openFailure = block));
    }
    if (spaces === "") block = [];
  }
  delete result.openFailure;
  return { ...result, planned, failures: result.failures.map((lines) => lines.join("\n")) };
}
