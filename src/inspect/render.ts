// Text form of the doctor's report: one line a finding, then what is wrong and the command that repairs it.

import { type Layer, layers } from "../executor/layers.ts";
import type { InspectReport } from "./report.ts";

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

function line(ok: boolean, name: string, text: string): string {
  return `${ok ? "ok  " : "MISS"}  ${name.padEnd(10)} ${text}`;
}

function addonText({ addon }: InspectReport): string {
  if (!addon.built) return `not built (${addon.folder})`;
  if (!addon.loads) return `does not load: ${addon.error}`;
  return `${addon.folder}${addon.upToDate === false ? " (out of date)" : ""}`;
}

/** One line a layer of isolation: what it does, and where it is not in force, what that takes. */
function layerLines({ executor }: InspectReport): string[] {
  const known: Record<string, Layer> = layers;
  return Object.entries(executor.layers ?? {}).map(([name, inForce]) => {
    const { adds = "", needs = "" } = known[name] ?? {};
    return `        ${inForce ? "on " : "off"}  ${name.padEnd(22)} ${adds}${inForce ? "" : `; needs ${needs}`}`;
  });
}

/** The report as lines for a terminal, without colour, ending in a newline. */
export function renderReport(report: InspectReport): string {
  const { node, platform, libtorch, executor, disk } = report;
  const lines = [
    `absolute-zero ${report.version}`,
    line(node.ok, "node", `${node.version}, Node-API ${node.nodeApi}`),
    line(platform.ok, "platform", `${platform.system}, glibc ${platform.glibc ?? "none"}, ${platform.cores} cores, ${gigabytes(platform.memoryBytes)} memory`),
    ...report.toolchain.map((tool) => line(tool.ok, tool.tool, tool.version ?? "not found")),
    line(libtorch.found, "libtorch", libtorch.found ? `${libtorch.version} at ${libtorch.root} (${libtorch.source})` : "not found; looked at:"),
    ...(libtorch.found ? [] : libtorch.attempts.map((attempt, index) => `        ${index + 1}. ${attempt.source}: ${attempt.result}`)),
    line(report.addon.loads, "addon", addonText(report)),
    line(executor.ok, "executor", executor.ok ? `Python ${executor.python}, first answer after ${executor.startMs} ms` : (executor.error ?? "")),
    ...layerLines(report),
    ...report.devices.map((device) => line(device.usable, device.name === "cpu" ? "cpu" : "gpu", `${device.name === "cpu" ? "" : `${device.name}, `}${device.detail}`)),
    line(true, "disk", `${disk.freeBytes === null ? "unknown" : gigabytes(disk.freeBytes)} free at ${disk.home}`),
    "",
  ];
  if (report.ok) return [...lines, "Everything that the engine and the executor need is here.", ""].join("\n");
  for (const { code, what, fix } of report.problems) lines.push(`${code}: ${what}`, `  do: ${fix}`);
  return [...lines, ""].join("\n");
}
