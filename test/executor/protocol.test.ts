// Frames, and the client over a scripted supervisor: bounds, aborts, deaths, restarts and disposal without any Python.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { AzrError } from "../../src/errors.ts";
import {
  createFrameReader, decodeAnalyseReply, decodeHello, decodeParseReply, decodeRunReply, encodeAnalyse, encodeFrame, encodeParse, encodeRun,
  frameKinds, outcomes,
} from "../../src/executor/protocol.ts";
import { connectSupervisor, type SupervisorClient } from "../../src/executor/supervisor-client.ts";

const script = fileURLToPath(new URL("./support/scripted-supervisor.mjs", import.meta.url));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

t.test("requests as bytes", async (t) => {
  const run = encodeRun({
    variant: 2, oneFork: true, cpuMs: 1000, wallMs: 3000, memoryBytes: 2 ** 33, outputBytes: 65536, program: "é", inputs: ["1", ""],
  });
  t.same(run, hex("02 01 e8030000 b80b0000 0000000002000000 00000100 02000000 c3a9 02000000 01000000 31 00000000"));
  t.same(encodeParse("ab", true), hex("01 02000000 6162"));
  t.same(encodeAnalyse("ab"), hex("02000000 6162"));
  t.same(encodeFrame(0x01020304, frameKinds.cancel), hex("05000000 04030201 04"));
  t.same(encodeFrame(7, 1, hex("aabb")), hex("07000000 07000000 01 aabb"));
});

t.test("frames come whole however the stream is cut", async (t) => {
  const sent = [encodeFrame(1, 2, Buffer.from("first")), encodeFrame(2, 3), encodeFrame(3, 1, Buffer.alloc(1000, 7))];
  const stream = Buffer.concat(sent);
  for (const size of [1, 2, 3, 8, 9, 10, 13, 14, 15, 100, stream.length]) {
    const reader = createFrameReader();
    const frames = [];
    for (let at = 0; at < stream.length; at += size) frames.push(...reader.push(stream.subarray(at, at + size)));
    t.same(frames.map(({ id, kind, payload }) => [id, kind, payload.length]), [[1, 2, 5], [2, 3, 0], [3, 1, 1000]], `pieces of ${size}`);
    t.equal(frames[0]!.payload.toString(), "first");
  }
  for (const bad of ["04000000 0000000000", "00000000 0000000000", "ffffffff 0000000000", "01000010 0000000000"]) {
    t.throws(() => createFrameReader().push(hex(bad)), { code: "AZR_EXECUTOR_FAILED" }, bad);
  }
});

t.test("answers from bytes", async (t) => {
  const ok = hex("00 e8030000 d0070000 01000000 31 00000000 00000000");
  const error = hex("02 00000000 00000000 00000000 08000000 4b65794572726f72 01000000 6d");
  t.same(decodeRunReply(Buffer.concat([hex("02000000"), ok, error]), 2), [
    { outcome: "ok", cpuMs: 1, wallMs: 2, value: "1" },
    { outcome: "runtime-error", cpuMs: 0, wallMs: 0, error: "KeyError", message: "m" },
  ]);
  t.equal(outcomes.length, 10);
  t.same(decodeParseReply(hex("01 01000000 31")), { ok: true, value: "1" });
  t.same(decodeParseReply(hex("00 01000000 6d")), { ok: false, message: "m" });
  t.equal(decodeParseReply(hex("02 01000000 6d")), "m", "the sandbox failed");
  t.equal(decodeAnalyseReply(hex("02 01000000 6d")), "m", "the sandbox failed");
  t.match(decodeAnalyseReply(Buffer.concat([hex("01 0c000000"), Buffer.from('{"ok":false}')])), { ok: false });
  const json = Buffer.from('{"ok":true,"normalised":"x","functions":["f"],"entry":[],"imports":[],"names":[],"statements":1}');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  t.same(decodeAnalyseReply(Buffer.concat([hex("01"), length, json])), JSON.parse(json.toString()));
  t.same(decodeAnalyseReply(hex("00 01000000 6d")), { message: "m", ok: false, normalised: "", functions: [], entry: [], imports: [], names: [], statements: 0 });
  t.match(decodeAnalyseReply(hex("00 00000000")), { ok: false, message: /takes too much/ }, "a child that was stopped says nothing");

  const broken: [string, () => unknown][] = [
    ["fewer outcomes than inputs", () => decodeRunReply(Buffer.concat([hex("01000000"), ok]), 2)],
    ["no outcome of that number", () => decodeRunReply(Buffer.concat([hex("01000000 0a"), ok.subarray(1)]), 1)],
    ["cut short", () => decodeRunReply(Buffer.concat([hex("01000000"), ok.subarray(0, -1)]), 1)],
    ["bytes left over", () => decodeRunReply(Buffer.concat([hex("01000000"), ok, hex("00")]), 1)],
    ["string past the end", () => decodeParseReply(hex("01 ff000000 31"))],
    ["a status of no name", () => decodeParseReply(hex("03 01000000 31"))],
    ["empty", () => decodeParseReply(Buffer.alloc(0))],
    ["not JSON", () => decodeAnalyseReply(hex("01 01000000 31"))],
    ["an analysis without fields", () => decodeAnalyseReply(Buffer.concat([hex("01 0b000000"), Buffer.from('{"ok":true}')]))],
    ["greeting without fields", () => decodeHello(hex("02000000 7b7d"))],
  ];
  for (const [name, decode] of broken) t.throws(decode, { code: "AZR_EXECUTOR_FAILED" }, name);
});

const connect = (mode = "normal", startMs = 20_000, silenceMs?: number): Promise<SupervisorClient> =>
  connectSupervisor({ file: process.execPath, arguments: [script, mode], startMs }, { silenceMs });

/** Sends one line of the script; gives what came back, or the code of the error. */
async function ask(client: SupervisorClient, line: string, signal?: AbortSignal, allowanceMs = 1000): Promise<string> {
  try {
    const reply = decodeParseReply(await client.request({ kind: frameKinds.parse, payload: encodeParse(line, false), allowanceMs, signal }));
    if (typeof reply === "string") return reply;
    return reply.ok ? reply.value : reply.message;
  } catch (error) {
    return AzrError.isInstance(error) ? error.code : String(error);
  }
}

t.test("starts that fail say why", async (t) => {
  await t.rejects(connect("refuse"), { code: "AZR_EXECUTOR_UNAVAILABLE", message: /seccomp is missing/ });
  await t.rejects(connect("babble"), { code: "AZR_EXECUTOR_UNAVAILABLE" });
  await t.rejects(connect("mute", 300), { code: "AZR_EXECUTOR_UNAVAILABLE", message: /within 0.3 seconds/ });
  await t.rejects(connectSupervisor({ file: "/nonexistent/azr-executor", arguments: [], startMs: 1000 }), {
    code: "AZR_EXECUTOR_UNAVAILABLE", message: /ENOENT/, hint: /azr doctor/,
  });
});

t.test("pipelining has a bound", async (t) => {
  const client = await connect();
  t.match(client.hello(), { python: "3.99.0", workers: 2, variants: 4 });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => ask(client, `late ${index % 3}`)));
  t.same(answers, Array.from({ length: 40 }, (_, index) => String(index % 3)));
  t.equal(await ask(client, "most"), "8", "four a worker");
  t.ok(client.busySeconds() > 0);
  await client.dispose();
});

t.test("aborts", async (t) => {
  const client = await connect();
  t.equal(await ask(client, "echo x", AbortSignal.abort()), "AZR_ABORTED");
  const controller = new AbortController();
  const stuck = Array.from({ length: 12 }, () => ask(client, "silent", controller.signal));
  setTimeout(() => controller.abort(), 50);
  t.same(new Set(await Promise.all(stuck)), new Set(["AZR_ABORTED"]), "in flight and waiting ones alike");
  t.equal(await ask(client, "echo next"), "next", "their places are free again");
  await client.dispose();
});

t.test("a death in mid-batch loses nothing", async (t) => {
  const client = await connect();
  const marker = join(t.testdir(), "marker");
  const first = client.pid();
  const answers = await Promise.all([ask(client, "echo a"), ask(client, `die-once ${marker}`), ...Array.from({ length: 20 }, (_, n) => ask(client, `echo ${n}`))]);
  t.same(answers, ["a", "survived", ...Array.from({ length: 20 }, (_, n) => String(n))]);
  t.ok(existsSync(marker));
  t.not(client.pid(), first);
  await client.dispose();
});

t.test("a request that kills every supervisor fails alone", async (t) => {
  const client = await connect();
  const answers = await Promise.all([
    ...Array.from({ length: 6 }, (_, n) => ask(client, `late ${n}`)), ask(client, "die"), ...Array.from({ length: 6 }, (_, n) => ask(client, `late ${n}`)),
  ]);
  t.equal(answers[6], "AZR_EXECUTOR_FAILED");
  t.same(answers.filter((_, index) => index !== 6), ["0", "1", "2", "3", "4", "5", "0", "1", "2", "3", "4", "5"]);
  t.equal(await ask(client, "garbage"), "AZR_EXECUTOR_FAILED", "bytes that are no frame count as a death");
  t.equal(await ask(client, "echo on"), "on");
  await client.dispose();
});

t.test("a supervisor that hangs is ended and its requests sent again", async (t) => {
  const client = await connect("normal", 20_000, 300);
  const first = client.pid();
  const hung = ask(client, "silent", undefined, 10);
  t.equal(await ask(client, "late 200", undefined, 10), "200", "slow is not hung");
  t.equal(client.pid(), first);
  t.equal(await hung, "AZR_EXECUTOR_FAILED");
  t.not(client.pid(), first);
  t.equal(await ask(client, "echo on"), "on");
  await client.dispose();
});

t.test("restarts are bounded", async (t) => {
  const client = await connect();
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(client, "die")));
  t.same(new Set(answers), new Set(["AZR_EXECUTOR_FAILED"]));
  t.equal(await ask(client, "echo again"), "again", "a later request tries anew");
  await client.dispose();
});

t.test("disposal", async (t) => {
  const client = await connect();
  const pid = client.pid()!;
  const stuck = ask(client, "silent");
  await new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all([client.dispose(), client.dispose()]);
  t.equal(await stuck, "AZR_DISPOSED");
  t.equal(await ask(client, "echo x"), "AZR_DISPOSED");
  t.throws(() => process.kill(pid, 0), { code: "ESRCH" }, "the process is gone");
});
