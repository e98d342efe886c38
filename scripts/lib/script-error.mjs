// Errors of the plain-Node scripts. They carry the marker and fields of AzrError (src/errors.ts), so that
// AzrError.isInstance accepts them, without the scripts needing the compiled package.

const marker = Symbol.for("absolute-zero.error");

/** An Error with `code`, `hint`, `details` and `exitCode`, recognised by AzrError.isInstance. */
export function scriptError(code, message, { hint, details, cause } = {}) {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  Object.defineProperty(error, "name", { value: "AzrError", configurable: true, writable: true });
  Object.defineProperty(error, marker, { value: true });
  return Object.assign(error, { code, hint, details, exitCode: 3 });
}

/** Writes code, sentence, attempts and hint of an error on stderr and sets the exit code. */
export function reportError(error) {
  const code = error?.code?.startsWith?.("AZR_") ? error.code : "AZR_INTERNAL";
  const lines = [`${code}: ${error?.message ?? error}`];
  const attempts = error?.details?.attempts ?? [];
  attempts.forEach((attempt, index) => lines.push(`  ${index + 1}. ${attempt.source}: ${attempt.result}`));
  if (error?.hint) lines.push(`Do this: ${error.hint}`);
  if (code === "AZR_INTERNAL" && error?.stack) lines.push(error.stack);
  process.stderr.write(`${lines.join("\n")}\n`);
  process.exitCode = error?.exitCode ?? 70;
}
