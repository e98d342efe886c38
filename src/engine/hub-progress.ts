// What a download tells while it works, for programs that embed the library and for the command line; and the meter behind it.

export type ModelProgress =
  /** Before the weights are fetched: what of the model is not in the cache yet. */
  | { type: "plan"; model: string; files: number; bytes: number; folder: string }
  /** Bytes arrived, at most ten times a second, and at the end of each file. */
  | {
      type: "download";
      model: string;
      file: string;
      fileBytes: number;
      fileDone: number;
      /** Of all files together, those that were there already included. */
      bytes: number;
      done: number;
      /** Of this download; 0 before the first bytes came. */
      bytesPerSecond: number;
      /** Undefined as long as there is no rate. */
      secondsLeft: number | undefined;
    }
  /** Another process downloads this file; it is waited for. */
  | { type: "waiting"; model: string; file: string; pid: number }
  /** Something that the user should know: one sentence. */
  | { type: "note"; model: string; message: string };

export type OnModelProgress = (progress: ModelProgress) => void;

/** Counts what arrives over all files of a model. */
export function downloadMeter(model: string, onProgress: OnModelProgress) {
  let total = 0;
  let finished = 0;
  let fetched = 0;
  let began: number | undefined;
  let told = 0;
  return {
    expect(bytes: number): void {
      total += bytes;
    },
    /** `fileDone` of the file's bytes are there, `fresh` of them new. */
    tell(file: string, fileBytes: number, fileDone: number, fresh: number): void {
      const now = performance.now();
      began ??= now;
      fetched += fresh;
      if (fileDone < fileBytes && now - told < 100) return;
      told = now;
      const seconds = (now - began) / 1000;
      const bytesPerSecond = fetched > 0 && seconds > 0 ? fetched / seconds : 0;
      const done = finished + fileDone;
      onProgress({ type: "download", model, file, fileBytes, fileDone, bytes: total, done, bytesPerSecond, secondsLeft: bytesPerSecond > 0 ? (total - done) / bytesPerSecond : undefined });
    },
    finish(fileBytes: number): void {
      finished += fileBytes;
    },
  };
}
