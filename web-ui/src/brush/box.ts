import type { Box } from "../api/types";
import type { BrushKind, Stroke } from "./strokes";

/** A box as one stroke whose rows touch: for people who paint with the keyboard. */
export function boxStroke(kind: BrushKind, [top, left, rows, cols]: Box): Stroke {
  const radius = Math.max(0.5, Math.min(rows, cols, 32) / 2);
  const points: number[] = [];
  const [right, bottom] = [left + cols - radius, top + rows - radius];
  for (let y = top + radius, back = false; ; back = !back) {
    const row = Math.min(y, bottom);
    const ends = back ? [right, left + radius] : [left + radius, right];
    for (const x of ends) points.push(x, row, radius);
    if (y >= bottom) return { kind, points };
    y += radius;
  }
}
