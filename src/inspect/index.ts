// The doctor as a library: inspect() gathers, renderReport() writes it as text.

export { inspect } from "./inspect.ts";
export { renderReport } from "./render.ts";
export type { AddonReport, DeviceReport, ExecutorReport, InspectReport, Problem, ToolReport } from "./report.ts";
