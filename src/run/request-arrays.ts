// The arrays of an update's request, wherever they stand in it: those of token rows and of further terms (kl, importance) lie one object deeper. What
// looks at, keeps or cuts the arrays of a request (guard-engine.ts, failure-folder.ts, ../replay-update.ts) asks here, so that none is missed.
import type { UpdateRequest } from "../engine/engine.ts";

export type RequestArray = Int32Array | Float32Array;

const isArray = (value: unknown): value is RequestArray => value instanceof Int32Array || value instanceof Float32Array;

/** The arrays by name, those that lie deeper as `owner.name`; and what else the request holds. */
export function partRequest(request: object): { arrays: [name: string, values: RequestArray][]; rest: Record<string, unknown> } {
  const arrays: [name: string, values: RequestArray][] = [];
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request)) {
    if (isArray(value)) arrays.push([name, value]);
    else if (typeof value === "object" && value !== null && Object.values(value).some(isArray)) {
      const parts = Object.entries(value);
      arrays.push(...parts.flatMap(([part, inner]): typeof arrays => (isArray(inner) ? [[`${name}.${part}`, inner]] : [])));
      rest[name] = Object.fromEntries(parts.filter(([, inner]) => !isArray(inner)));
    } else rest[name] = value;
  }
  return { arrays, rest };
}

/** The request again. */
export function joinRequest({ arrays, rest }: { arrays: readonly (readonly [name: string, values: RequestArray])[]; rest: Record<string, unknown> }): UpdateRequest {
  const request: Record<string, unknown> = { ...rest };
  for (const [name, values] of arrays) {
    const [owner = "", part] = name.split(".");
    request[owner] = part === undefined ? values : { ...(request[owner] as object | undefined), [part]: values };
  }
  return request as unknown as UpdateRequest;
}

/** How many values are not finite. */
export function countNotFinite(values: Float32Array): number {
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count += 1;
  return count;
}

export interface ArrayReport {
  name: string;
  count: number;
  notFinite: number;
}

/** The arrays of numbers in a request, with what is wrong in them. */
export function reportArrays(request: UpdateRequest): ArrayReport[] {
  return partRequest(request).arrays.flatMap(([name, values]) =>
    values instanceof Float32Array ? [{ name, count: values.length, notFinite: countNotFinite(values) }] : [],
  );
}
