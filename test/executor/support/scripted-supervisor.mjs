// A supervisor without any Python, for the client's tests: it greets, and does with each request what the request's text says.
// Parse requests carry the script: "echo X" answers X; "die" exits; "die-once FILE" exits when FILE is absent, making it;
// "garbage" writes bytes that are no frame; "silent" never answers; "late MS" answers after MS; anything else is an error.
import { existsSync, writeFileSync } from "node:fs";

const mode = process.argv[2] ?? "normal";

function frame(id, kind, payload) {
  const header = Buffer.alloc(9);
  header.writeUInt32LE(payload.length + 5, 0);
  header.writeUInt32LE(id, 4);
  header.writeUInt8(kind, 8);
  return Buffer.concat([header, payload]);
}

function text(value) {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const answer = (id, value) => process.stdout.write(frame(id, 2, Buffer.concat([Buffer.from([1]), text(value)])));

if (mode === "refuse") {
  process.stderr.write("seccomp is missing");
  process.exit(1);
}
if (mode === "babble") process.stdout.write("hello, I am no supervisor at all");
else if (mode !== "mute") {
  process.stdout.write(frame(0, 0, text(JSON.stringify({ python: "3.99.0", layers: { seccomp: true }, variants: 4, workers: 2 }))));
}

let open = 0;
let most = 0;
let pending = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  pending = Buffer.concat([pending, chunk]);
  while (pending.length >= 4 && pending.length >= pending.readUInt32LE(0) + 4) {
    const end = pending.readUInt32LE(0) + 4;
    handle(pending.readUInt32LE(4), pending.readUInt8(8), pending.subarray(9, end));
    pending = pending.subarray(end);
  }
});
process.stdin.on("end", () => process.exit(0));

function handle(id, kind, payload) {
  if (kind !== 2) return;
  const [verb, word = ""] = payload.subarray(5).toString().split(" ");
  open += 1;
  most = Math.max(most, open);
  const finish = (value) => {
    open -= 1;
    answer(id, value);
  };
  if (verb === "die" || (verb === "die-once" && !existsSync(word))) {
    if (verb === "die-once") writeFileSync(word, "");
    process.exit(9);
  } else if (verb === "die-once") finish("survived");
  else if (verb === "garbage") process.stdout.write(Buffer.from([255, 255, 255, 255, 0, 0, 0, 0, 0]));
  else if (verb === "late") setTimeout(finish, Number(word), word);
  else if (verb === "most") finish(String(most));
  else if (verb === "echo") finish(word);
}
