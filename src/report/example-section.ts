// The report's invented tasks, each with a right and a wrong answer, and the table of settings. Model text is escaped and cut here.

import type { ExampleTask, ReportData } from "./data.ts";
import { clip, escapeHtml } from "./escape.ts";

const longest = 1200;

/** A block of model-written text. */
function block(label: string, text: string, mark = ""): string {
  return `<label>${escapeHtml(label)}</label><pre${mark === "" ? "" : ` class="${mark}"`}>${escapeHtml(clip(text, longest))}</pre>`;
}

function card(task: ExampleTask): string {
  const rate = `${Math.round(task.solveRate * 100)} % of rollouts right`;
  return [
    `<div class="card task"><h3><span class="tag">${escapeHtml(task.kind)}</span>invented in step ${task.step}, ${rate}</h3>`,
    task.asked === "program" ? "" : block("program", task.program),
    ...task.given.map(({ label, text }) => block(label, text)),
    task.right === null ? "" : block(`a right answer (${task.asked})`, task.right, "right"),
    task.wrong === null ? "" : block(`a wrong answer (${task.asked})`, task.wrong, "wrong"),
    task.asked === "program" ? block("the program behind it", task.program) : "",
    "</div>",
  ].join("");
}

/** HTML of the example tasks; empty when there are none. */
export function examplesSection(examples: readonly ExampleTask[]): string {
  if (examples.length === 0) return "";
  return `<h2>Tasks it invented</h2><p class="soft">Proposed by the model, checked in the locked process, then answered by the same model.</p>
<div class="grid">${examples.map(card).join("\n")}</div>`;
}

/** HTML of the resolved configuration, folded; values that were set by the user come first. */
export function configSection(config: ReportData["config"]): string {
  if (config.length === 0) return "";
  const ordered = [...config].sort((left, right) => Number(left.origin === "default") - Number(right.origin === "default"));
  const rows = ordered.map(
    ({ key, value, origin }) => `<tr><td>${escapeHtml(key)}</td><td>${escapeHtml(clip(value, 300))}</td><td>${escapeHtml(origin)}</td></tr>`,
  );
  return `<h2>Settings</h2><details class="card scroll"><summary>All ${config.length} settings and where each came from</summary>
<table class="config"><thead><tr><th>setting</th><th>value</th><th>origin</th></tr></thead><tbody>${rows.join("")}</tbody></table></details>`;
}
