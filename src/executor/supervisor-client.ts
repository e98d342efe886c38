// Requests and answers over a supervisor that may die: pipelining with a bound, cancelling, restarting and sending again.
// supervisor-process.ts is one life of the supervisor; open.ts makes the Executor from this.
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { AzrError } from "../errors.ts";
import { encodeFrame, frameKinds, type Frame, type Hello } from "./protocol.ts";
import { startSupervisor, type SupervisorCommand, type SupervisorProcess } from "./supervisor-process.ts";

export interface SupervisorRequest {
  kind: number;
  payload: Buffer;
  /** Longest time the supervisor may work on it, in milliseconds, once it has begun. */
  allowanceMs: number;
  signal?: AbortSignal | undefined;
}

export interface SupervisorClient {
  hello(): Hello;
  /** Process id of the supervisor; undefined while there is none. */
  pid(): number | undefined;
  /** The payload of the answer. Rejects with AZR_EXECUTOR_FAILED, AZR_EXECUTOR_UNAVAILABLE, AZR_ABORTED or AZR_DISPOSED. */
  request(request: SupervisorRequest): Promise<Buffer>;
  /** Seconds during which at least one request was waiting or in flight. */
  busySeconds(): number;
  dispose(): Promise<void>;
}

interface Entry extends SupervisorRequest {
  id: number;
  /** How many supervisors have died while they had this request. */
  deaths: number;
  resolve(payload: Buffer): void;
  reject(error: AzrError): void;
}

/** A request that was in flight at this many deaths is taken for their cause. From the one before on it travels alone. */
const fatalDeaths = 3;
/** Starts in a row, without one answer between them, before giving up. */
const mostStarts = 5;
const mostBytesInFlight = 8 * 1024 * 1024;
/** Silence beyond the longest allowance in flight after which the supervisor counts as hung. */
const defaultSilenceMs = 30_000;

const disposedError = (): AzrError => new AzrError("AZR_DISPOSED", "The executor has been disposed of.");
const abortedError = (): AzrError => new AzrError("AZR_ABORTED", "The request to the executor was aborted.");

export interface ConnectOptions {
  silenceMs?: number;
  /** Looks at each supervisor's greeting; what it throws counts as a start that failed. */
  accept?(hello: Hello): void;
}

/** Starts the supervisor and resolves once it has greeted. Rejects with AZR_EXECUTOR_UNAVAILABLE, or as `accept` throws. */
export async function connectSupervisor(command: SupervisorCommand, { silenceMs = defaultSilenceMs, accept }: ConnectOptions = {}): Promise<SupervisorClient> {
  const waiting: Entry[] = [];
  const inFlight = new Map<number, Entry>();
  let bytesInFlight = 0;
  let nextId = 1;
  let current: SupervisorProcess | undefined;
  let starting: Promise<void> | undefined;
  let startsInARow = 0;
  let disposal: Promise<void> | undefined;
  let watchdog: NodeJS.Timeout | undefined;
  /** When the supervisor last answered, or got its first request after being idle. */
  let lastSign = 0;
  let busySince: number | undefined;
  let busyMs = 0;

  let hello: Hello | undefined;

  function rejectAll(makeError: () => AzrError): void {
    const all = [...inFlight.values(), ...waiting];
    inFlight.clear();
    waiting.length = 0;
    bytesInFlight = 0;
    for (const entry of all) entry.reject(makeError());
    settle();
  }

  function drop(entry: Entry): boolean {
    if (inFlight.delete(entry.id)) {
      bytesInFlight -= entry.payload.length;
      return true;
    }
    const index = waiting.indexOf(entry);
    if (index >= 0) waiting.splice(index, 1);
    return false;
  }

  /** Sends what the bounds allow, and brings clocks and references up to date with what is left. */
  function settle(): void {
    while (current !== undefined && waiting.length > 0) {
      const suspect = inFlight.size > 0 ? [...inFlight.values()].some(isSuspect) : false;
      const most = suspect || isSuspect(waiting[0]!) ? 1 : hello!.workers * 4;
      if (inFlight.size >= most || (inFlight.size > 0 && bytesInFlight >= mostBytesInFlight)) break;
      const entry = waiting.shift()!;
      if (inFlight.size === 0) lastSign = performance.now();
      inFlight.set(entry.id, entry);
      bytesInFlight += entry.payload.length;
      current.send(encodeFrame(entry.id, entry.kind, entry.payload));
    }
    watch();
    const busy = inFlight.size + waiting.length > 0;
    current?.setBusy(busy);
    if (busy) busySince ??= performance.now();
    else if (busySince !== undefined) {
      busyMs += performance.now() - busySince;
      busySince = undefined;
    }
    if (busy && current === undefined) starting ??= restart();
  }

  /** Ends a supervisor that has requests and has been silent for longer than any of them may take. */
  function watch(): void {
    if (inFlight.size === 0 || watchdog !== undefined) return;
    const longest = Math.max(...[...inFlight.values()].map((entry) => entry.allowanceMs));
    const left = lastSign + longest + silenceMs - performance.now();
    if (left <= 0) return current?.kill();
    const look = (): void => {
      watchdog = undefined;
      watch();
    };
    // After the poll for input: answers may have arrived while this thread was busy.
    watchdog = setTimeout(() => setImmediate(look), left).unref();
  }

  function onFrame(frame: Frame): void {
    startsInARow = 0;
    lastSign = performance.now();
    const entry = inFlight.get(frame.id);
    // An unknown id is the late answer to a request that was aborted.
    if (entry === undefined || frame.kind !== entry.kind) return;
    drop(entry);
    entry.resolve(frame.payload);
    settle();
  }

  function onExit(reason: string): void {
    current = undefined;
    const unfinished = [...inFlight.values()];
    inFlight.clear();
    bytesInFlight = 0;
    for (const entry of unfinished) entry.deaths += 1;
    for (const entry of unfinished.filter(({ deaths }) => deaths >= fatalDeaths)) {
      entry.reject(new AzrError("AZR_EXECUTOR_FAILED", `The executor's supervisor died ${fatalDeaths} times with this request: ${reason}.`, {
        hint: "Please report the program with this message: no program should be able to do that.",
      }));
    }
    waiting.unshift(...unfinished.filter(({ deaths }) => deaths < fatalDeaths));
    settle();
  }

  /** Starts until one supervisor greets. Throws when this is the first start, or one too many. */
  async function start(): Promise<void> {
    while (disposal === undefined) {
      if (startsInARow >= mostStarts) {
        throw new AzrError("AZR_EXECUTOR_FAILED", `The executor's supervisor was started ${startsInARow} times in a row without an answer.`, {
          hint: "Run `azr doctor`: it tries each layer of the executor by itself.",
        });
      }
      startsInARow += 1;
      // The first restart is at once; a supervisor that dies again and again gets some air.
      if (startsInARow > 2) await delay(100 * startsInARow);
      try {
        const started = await startSupervisor(command, { onFrame, onExit });
        try {
          accept?.(started.hello);
        } catch (error) {
          await started.stop();
          throw error;
        }
        current = started;
        hello = started.hello;
        return;
      } catch (error) {
        if (startsInARow >= mostStarts || hello === undefined) throw error;
      }
    }
  }

  /** Never rejects: what is waiting when no start succeeds is told so, and the next request gets a fresh set of starts. */
  async function restart(): Promise<void> {
    try {
      await start();
    } catch (error) {
      startsInARow = 0;
      rejectAll(() => error as AzrError);
    }
    starting = undefined;
    settle();
  }

  await start();
  startsInARow = 0;

  return {
    hello: () => hello!,
    pid: () => current?.pid,
    busySeconds: () => (busyMs + (busySince === undefined ? 0 : performance.now() - busySince)) / 1000,
    request(request) {
      return new Promise((resolve, reject) => {
        if (disposal !== undefined) return reject(disposedError());
        if (request.signal?.aborted === true) return reject(abortedError());
        const onAbort = (): void => {
          if (drop(entry)) current?.send(encodeFrame(entry.id, frameKinds.cancel));
          entry.reject(abortedError());
          settle();
        };
        const quiet = (): void => request.signal?.removeEventListener("abort", onAbort);
        const entry: Entry = {
          ...request,
          id: nextId,
          deaths: 0,
          resolve: (payload) => (quiet(), resolve(payload)),
          reject: (error) => (quiet(), reject(error)),
        };
        nextId = nextId === 0xffff_ffff ? 1 : nextId + 1;
        if (request.signal !== undefined) {
          // One signal for a whole step's requests is the ordinary case, not a leak.
          setMaxListeners(0, request.signal);
          request.signal.addEventListener("abort", onAbort, { once: true });
        }
        waiting.push(entry);
        settle();
      });
    },
    dispose() {
      disposal ??= (async () => {
        // Let `disposal` be set before anything below looks at it.
        await Promise.resolve();
        rejectAll(disposedError);
        clearTimeout(watchdog);
        await starting;
        const last = current;
        current = undefined;
        await last?.stop();
      })();
      return disposal;
    },
  };
}

function isSuspect(entry: Entry): boolean {
  return entry.deaths >= fatalDeaths - 1;
}
