// The layers of isolation by the names under which the supervisor reports them: what each adds, and what it takes to have it.
// open.ts holds callers' demands against them, `azr doctor` prints them, docs/executor.md lists them.
import { AzrError } from "../errors.ts";

export interface Layer {
  /** What it does, as the rest of a sentence that begins with its name. */
  adds: string;
  /** Whether nothing starts without it. */
  always: boolean;
  /** What the machine has to offer for it. */
  needs: string;
}

export const layers = {
  seccomp: {
    adds: "leaves a program a short list of system calls",
    always: true,
    needs: "a kernel with seccomp filters",
  },
  killProcess: {
    adds: "ends a program that makes a system call which only an attack makes",
    always: true,
    needs: "Linux 4.14 or newer",
  },
  noNewPrivileges: {
    adds: "keeps anything that is started from getting privileges",
    always: true,
    needs: "Linux 3.5 or newer",
  },
  unprivilegedUser: {
    adds: "has programs run as an ordinary user",
    always: true,
    needs: "an ordinary user to start it, or a root that can become one",
  },
  droppedRoot: {
    adds: "gives the user, the groups and the capabilities of root away before a program is read",
    always: false,
    needs: "to be started as root; an ordinary user has nothing to give away",
  },
  namespaces: {
    adds: "hides the files, the network, the shared memory, the host name and the control groups of the machine",
    always: false,
    needs:
      "a system on which ordinary processes may make user namespaces (user.max_user_namespaces above 0, kernel.unprivileged_userns_clone not 0, "
      + "kernel.apparmor_restrict_unprivileged_userns not 1; containers forbid it by default)",
  },
  landlock: {
    adds: "forbids all files, and where the kernel can, connections and signals to other processes, beside the filter",
    always: false,
    needs: "Linux 5.13 or newer with landlock among its security modules (/sys/kernel/security/lsm)",
  },
  memoryDenyWriteExecute: {
    adds: "keeps memory that was written from becoming machine code",
    always: false,
    needs: "Linux 6.3 or newer",
  },
  fixedAddresses: {
    adds: "places memory alike in every start, so that verdicts repeat",
    always: false,
    needs: "a system that lets a process turn its address randomisation off (containers may forbid `personality`)",
  },
  separateAddresses: {
    adds: "places memory differently in each variant, so that results which hang on addresses show",
    always: false,
    needs: "a hard limit on the stack of 256 MiB or more (`ulimit -H -s`)",
  },
  virtualClock: {
    adds: "gives programs a made-up time and process id",
    always: true,
    needs: "nothing",
  },
} as const satisfies Record<string, Layer>;

export type LayerName = keyof typeof layers;

export const layerNames = Object.keys(layers) as [LayerName, ...LayerName[]];

/** Throws AZR_EXECUTOR_UNAVAILABLE when one of the wanted layers is not in force, naming the first of them. */
export function requireLayers(wanted: readonly LayerName[], inForce: Readonly<Record<string, boolean>>): void {
  const missing = wanted.filter((name) => inForce[name] !== true);
  const [first] = missing;
  if (first === undefined) return;
  const { adds, needs } = layers[first];
  throw new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The layer ${first} is required, but it is not in force here. It ${adds}, and needs ${needs}.`, {
    hint: `Provide that, or take ${first} out of \`require\` (setting executor.require). \`azr doctor\` lists every layer.`,
    details: { missing },
  });
}

/** Names of the layers in force, sorted. */
export const layersInForce = (inForce: Readonly<Record<string, boolean>>): string[] => Object.keys(inForce).filter((name) => inForce[name]).sort();
