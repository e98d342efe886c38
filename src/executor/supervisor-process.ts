// One life of the native supervisor: spawn it, wait for its greeting, pass frames, stop it. It holds no requests;
// supervisor-client.ts does, and starts another one when this one dies.
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { AzrError } from "../errors.ts";
import { createFrameReader, decodeHello, frameKinds, type Frame, type Hello } from "./protocol.ts";

export interface SupervisorCommand {
  file: string;
  arguments: string[];
  /** Longest wait for the greeting, which comes after the self-test. */
  startMs: number;
}

export interface SupervisorProcess {
  hello: Hello;
  pid: number;
  send(frame: Buffer): void;
  /** While busy the child keeps this process alive; an idle one does not. */
  setBusy(busy: boolean): void;
  /** Ends it at once; `onExit` still follows. */
  kill(): void;
  /** Closes its input, so that it ends by itself, and kills it if it has not after two seconds. Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface SupervisorEvents {
  onFrame(frame: Frame): void;
  /** Exactly once, after a successful start, when the process is gone; `reason` is a sentence. */
  onExit(reason: string): void;
}

/** The supervisor needs none of our variables, and what it does not have the programs below it cannot read. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  return { ...(PATH === undefined ? {} : { PATH }), ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }) };
}

/**
 * Starts a supervisor and waits for its greeting. Rejects with AZR_EXECUTOR_UNAVAILABLE, saying what the supervisor said, when it
 * cannot be started, ends, or stays silent for `startMs`.
 */
export function startSupervisor(command: SupervisorCommand, events: SupervisorEvents): Promise<SupervisorProcess> {
  return new Promise((resolve, reject) => {
    // Detached: the terminal's Ctrl-C is for us, who finish the step with it. Our own death closes its input, which ends it.
    const child = spawn(command.file, command.arguments, { stdio: ["pipe", "pipe", "pipe"], env: bareEnvironment(), detached: true });
    const pipes = [child.stdin, child.stdout, child.stderr] as unknown as Socket[];
    const reader = createFrameReader();
    const gone = new Promise<void>((settle) => child.once("close", () => settle()).once("error", () => settle()));
    let started = false;
    let reason: string | undefined;
    let said = "";

    const fail = (why: string): void => {
      reason ??= why;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => fail(`it did not report ready within ${command.startMs / 1000} seconds`), command.startMs);

    const running: SupervisorProcess = {
      hello: { python: "", layers: {}, variants: 0, workers: 0 },
      pid: child.pid ?? 0,
      send(frame) {
        // What is sent before this turn of the event loop ends goes out in one piece.
        if (child.stdin.writableCorked === 0) {
          child.stdin.cork();
          process.nextTick(() => child.stdin.uncork());
        }
        child.stdin.write(frame);
      },
      setBusy(busy) {
        for (const item of [child, ...pipes]) {
          if (busy) item.ref();
          else item.unref();
        }
      },
      kill: () => fail("it was ended because it had stopped answering"),
      async stop() {
        running.setBusy(true);
        child.stdin.end();
        const late = setTimeout(() => child.kill("SIGKILL"), 2000);
        await gone;
        clearTimeout(late);
      },
    };

    const accept = (frame: Frame): void => {
      if (started) return events.onFrame(frame);
      if (frame.kind !== frameKinds.hello) return fail("its first words were not a greeting");
      running.hello = decodeHello(frame.payload);
      started = true;
      clearTimeout(timer);
      resolve(running);
    };

    child.stdout.on("data", (chunk: Buffer) => {
      if (reason !== undefined) return;
      try {
        for (const frame of reader.push(chunk)) accept(frame);
      } catch (error) {
        fail((error as Error).message);
      }
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-2000);
    });
    // A write to a dead child fails here; its exit is reported once, below.
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => {
      reason ??= error.message;
    });
    child.once("exit", () => {
      // Should a process below it still hold a pipe, `close` must not wait for that.
      setTimeout(() => pipes.forEach((pipe) => pipe.destroy()), 500).unref();
    });
    void gone.then(() => {
      clearTimeout(timer);
      const status = child.signalCode ?? (child.exitCode === null ? "no exit code" : `exit code ${child.exitCode}`);
      const why = [said.trim(), reason ?? `it ended with ${status}`].filter((part) => part !== "").join("; ");
      if (started) return events.onExit(why);
      reject(new AzrError("AZR_EXECUTOR_UNAVAILABLE", `The executor cannot start: ${why}.`.replace(/\.\.$/, "."), {
        hint: "Run `azr doctor`: it names the layer that is missing and how to get it.",
        details: { command: command.file, arguments: command.arguments },
      }));
    });
  });
}
