// A process to be killed: trains (or resumes) with fakes and writes one line an event, so that its parent can strike in mid-step.
import { writeSync } from "node:fs";
import { resumeFake, trainFake } from "./fake-run.ts";

const [mode, dir = "", steps = "8"] = process.argv.slice(2);
const onEvent = ({ type }: { type: string }) => void writeSync(1, `${type}\n`);
const run = mode === "resume" ? resumeFake(dir, { onEvent }) : trainFake(dir, { steps: Number(steps), run: { checkpointEvery: 3, name: "run" } }, { onEvent });
await run.result;
