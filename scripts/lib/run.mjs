// Child processes for the scripts: run to the end, keep the output, optionally show it on stderr while it runs.

import { spawn } from "node:child_process";

/**
 * Runs a command and resolves with {status, signal, output, missing}. `output` is stdout and stderr in order of arrival.
 * `echo` shows the output on stderr as it comes; `missing` is true when the command does not exist.
 */
export function run(command, args, { cwd, env, echo = false, input } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    const stop = () => child.kill("SIGTERM");
    process.once("exit", stop);
    const take = (chunk) => {
      output += chunk;
      if (echo) process.stderr.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.once("error", (error) => {
      process.removeListener("exit", stop);
      resolve({ status: 127, signal: null, output: String(error.message), missing: error.code === "ENOENT" });
    });
    child.once("close", (status, signal) => {
      process.removeListener("exit", stop);
      resolve({ status: status ?? 1, signal, output, missing: false });
    });
  });
}

/** Runs a command on this process's terminal (stdout goes to stderr unless `stdout` is "inherit"). */
export function runVisible(command, args, { cwd, env, stdout = 2 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ["ignore", stdout, 2] });
    const stop = () => child.kill("SIGTERM");
    process.once("exit", stop);
    child.once("error", (error) => {
      process.removeListener("exit", stop);
      resolve({ status: 127, signal: null, missing: error.code === "ENOENT" });
    });
    child.once("close", (status, signal) => {
      process.removeListener("exit", stop);
      resolve({ status: status ?? 1, signal, missing: false });
    });
  });
}

/** The last `count` non-empty lines of a text. */
export function lastLines(text, count) {
  return text.split("\n").filter((line) => line.trim() !== "").slice(-count).join("\n");
}
