/** Brush strokes as data, in pixels of the picture: undo, redo and drawing at any size come free. */

export type BrushKind = "mend" | "protect" | "erase";

export interface Stroke {
  kind: BrushKind;
  /** x, y, radius of each point, one after another, in pixels of the picture. */
  points: number[];
}

export class Strokes {
  readonly done: Stroke[];
  readonly undone: Stroke[];

  constructor(done: Stroke[] = [], undone: Stroke[] = []) {
    this.done = done;
    this.undone = undone;
  }

  add(stroke: Stroke): Strokes {
    return stroke.points.length ? new Strokes([...this.done, stroke]) : this;
  }

  undo(): Strokes {
    const last = this.done.at(-1);
    return last ? new Strokes(this.done.slice(0, -1), [...this.undone, last]) : this;
  }

  redo(): Strokes {
    const next = this.undone.at(-1);
    return next ? new Strokes([...this.done, next], this.undone.slice(0, -1)) : this;
  }

  /** The thickest stroke of a kind across, in pixels of the picture; 0 without one. */
  widest(kind: BrushKind): number {
    const radii = this.done
      .filter((stroke) => stroke.kind === kind)
      .flatMap((stroke) => stroke.points.filter((_, i) => i % 3 === 2));
    return 2 * radii.reduce((a, b) => Math.max(a, b), 0);
  }

  has(kind: BrushKind): boolean {
    return this.done.some((stroke) => stroke.kind === kind);
  }
}

/** A point follows a stroke when it lies far enough from the last to matter. */
export function follows(points: number[], x: number, y: number, radius: number): boolean {
  const n = points.length;
  if (n < 3) return true;
  const dx = x - points[n - 3]!;
  const dy = y - points[n - 2]!;
  return dx * dx + dy * dy > Math.max(0.25, (radius * radius) / 36);
}

/** The radius under a pen: half at the lightest touch; mice and fingers report none. */
export function pressed(radius: number, pointer: { pointerType: string; pressure: number }): number {
  return pointer.pointerType === "pen" ? radius * (0.5 + pointer.pressure / 2) : radius;
}

type Ink = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Draws one stroke with round ends; each piece is as thick as its two points say. */
export function drawStroke(ink: Ink, stroke: Stroke, colour: string): void {
  ink.globalCompositeOperation = stroke.kind === "erase" ? "destination-out" : "source-over";
  ink.fillStyle = ink.strokeStyle = colour;
  ink.lineCap = "round";
  const p = stroke.points;
  for (let i = 0; i < p.length; i += 3) {
    ink.beginPath();
    ink.arc(p[i]!, p[i + 1]!, p[i + 2]!, 0, 2 * Math.PI);
    ink.fill();
    if (i === 0) continue;
    ink.lineWidth = p[i + 2]! + p[i - 1]!;
    ink.beginPath();
    ink.moveTo(p[i - 3]!, p[i - 2]!);
    ink.lineTo(p[i]!, p[i + 1]!);
    ink.stroke();
  }
  ink.globalCompositeOperation = "source-over";
}

/** First and last row that a stroke can touch. */
export function rowsOf(stroke: Stroke): [number, number] {
  let top = Infinity;
  let bottom = -Infinity;
  for (let i = 0; i < stroke.points.length; i += 3) {
    top = Math.min(top, stroke.points[i + 1]! - stroke.points[i + 2]!);
    bottom = Math.max(bottom, stroke.points[i + 1]! + stroke.points[i + 2]!);
  }
  return [Math.floor(top), Math.ceil(bottom)];
}
