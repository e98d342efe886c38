// One-at-a-time sections between processes of one user on one machine. The lock is the name of an abstract Unix
// socket: the kernel frees it when its owner dies, so there is no stale lock to clean up after a kill.

import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

function tryListen(name) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(name, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Runs `work` while holding the lock `key`; `onWait` is called once when another process holds it. */
export async function withLock(key, work, { onWait = () => {} } = {}) {
  const digest = createHash("sha256").update(`${process.getuid?.() ?? 0}:${key}`).digest("hex").slice(0, 32);
  const name = `\0absolute-zero-${digest}`;
  let server = await tryListen(name);
  if (server === undefined) onWait();
  while (server === undefined) {
    await sleep(200);
    server = await tryListen(name);
  }
  try {
    return await work();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
