// What may follow when a rule finds something, from nothing to the end of the run. Each level does what the ones before it do, but for roll-back and
// stop, which give the step up whole.
export const levels = ["off", "log", "quarantine", "pause", "roll-back", "stop"] as const;
export type Level = (typeof levels)[number];

/** A level at which a rule is on. */
export type Action = Exclude<Level, "off">;

/** Levels of rules that look at a step's numbers: there are no answers that could be left out. */
export const figureLevels = ["off", "log", "pause", "roll-back", "stop"] as const satisfies readonly Level[];

/** Whether `level` is at least as strict as `other`. */
export const atLeast = (level: Level, other: Level): boolean => levels.indexOf(level) >= levels.indexOf(other);
