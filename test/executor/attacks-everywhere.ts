// attacks.ts under every condition that this machine can give: as root and as an ordinary user, with and without user namespaces, inside one
// that maps root alone, each on several Pythons. To be started as root. Conditions that cannot be had are told with the reason.
//   npm run attack -- --everywhere [--times N] [--python PATH]...
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { times: { type: "string", default: "1" }, python: { type: "string", multiple: true } } });
const nobody = 65534;
const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
const forbidNamespaces = "echo 0 > /proc/sys/user/max_user_namespaces";

interface Condition {
  name: string;
  /** What the command is put behind. */
  before: string[];
  ordinary: boolean;
  /** The process starts in a user namespace without a map and waits for a line: then this test, being root, gives it one. */
  mapped?: true;
}

const conditions: Condition[] = [
  { name: "root", before: [], ordinary: false },
  {
    name: "root, no user namespaces",
    before: ["unshare", "-U", "--keep-caps", "sh", "-c", `read line && ${forbidNamespaces} && exec "$@"`, "sh"],
    ordinary: false,
    mapped: true,
  },
  { name: "ordinary user", before: asNobody, ordinary: true },
  {
    name: "ordinary user, no user namespaces",
    before: [...asNobody, "unshare", "-U", "-c", "--keep-caps", "sh", "-c", `${forbidNamespaces} && exec setpriv --ambient-caps=-all --inh-caps=-all "$@"`, "sh"],
    ordinary: true,
  },
  { name: "ordinary user as the root of a user namespace", before: [...asNobody, "unshare", "-Ur"], ordinary: true },
];

const loader = new URL("../../scripts/lib/typescript-hooks.mjs", import.meta.url).href;
const attacks = fileURLToPath(new URL("./attacks.ts", import.meta.url));

/** The last two lines of the output, which tell the layers and the count; more where it failed. */
function attackUnder({ before, mapped }: Condition, python: string): Promise<{ ok: boolean; line: string }> {
  const [command, ...rest] = [...before, process.execPath, "--import", loader, attacks, "--times", values.times, "--python", python];
  const child = spawn(command!, rest, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env } });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  if (mapped) {
    setTimeout(() => {
      for (const file of ["uid_map", "gid_map"]) writeFileSync(`/proc/${child.pid}/${file}`, "0 0 65536");
      child.stdin.write("go\n");
    }, 500);
  }
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ ok: code === 0, line: output.trimEnd().split("\n").slice(code === 0 ? -2 : -20).join("; ") }));
  });
}

function canBeRun(python: string): boolean {
  try {
    // Through a shell: setpriv itself still has root's powers when it starts a program.
    execFileSync("setpriv", [...asNobody.slice(1), "sh", "-c", 'exec "$0" -I -c ""', python], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

if (process.getuid?.() !== 0) throw new Error("Start this as root: it becomes the ordinary user by itself.");
let failed = 0;
for (const python of values.python ?? ["python3"]) {
  for (const condition of conditions) {
    if (condition.ordinary && !canBeRun(python)) {
      console.log(`skipped: ${condition.name}, ${python}: the ordinary user cannot start this Python`);
      continue;
    }
    const { ok, line } = await attackUnder(condition, python);
    failed += ok ? 0 : 1;
    console.log(`${ok ? "holds" : "FAILS"}: ${condition.name}, ${python}: ${line}`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
