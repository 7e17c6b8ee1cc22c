/** JSON schema of one setting -> the control that edits it. */

import type { Field, Value } from "../api/types";

export type Control =
  | { kind: "switch" }
  | { kind: "choice"; options: Value[] }
  | { kind: "number"; low: number | null; high: number | null; step: number; nullable: boolean }
  | { kind: "text" };

export function controlFor(field: Field): Control {
  const parts = field.anyOf ?? [field];
  const kinds = parts.flatMap((part) => part.type ?? []);
  const nullable = kinds.includes("null");
  const options = field.enum ?? parts.find((part) => part.enum)?.enum;
  if (options) return { kind: "choice", options };
  if (kinds.includes("boolean")) {
    return nullable ? { kind: "choice", options: [null, true, false] } : { kind: "switch" };
  }
  const number = parts.find((p) => [p.type].flat().some((t) => t === "number" || t === "integer"));
  if (number) {
    const low = number.minimum ?? field.minimum ?? null;
    const high = number.maximum ?? field.maximum ?? null;
    const whole = [number.type].flat().every((t) => t === "integer" || t === "null");
    return { kind: "number", low, high, step: whole ? 1 : stepFor(low, high), nullable };
  }
  return { kind: "text" };
}

/** About a hundred steps over the range, on a round decimal. */
function stepFor(low: number | null, high: number | null): number {
  const range = (high ?? 1) - (low ?? 0);
  if (!(range > 0)) return 0.01;
  return 10 ** Math.floor(Math.log10(range / 50));
}

/** A slider fits where both ends are known and its steps can be told apart. */
export function slides(control: Control): boolean {
  if (control.kind !== "number" || control.nullable) return false;
  const { low, high, step } = control;
  return low !== null && high !== null && (high - low) / step <= 1000;
}
