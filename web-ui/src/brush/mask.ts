/** Strokes -> the mask file that is sent: PNG, 8-bit grey, white where the brush went. */

import { encodePng } from "./png";
import { drawStroke, rowsOf, type BrushKind, type Stroke } from "./strokes";

const BAND_ROWS = 256;

/** One kind of stroke as a mask of the picture's size. Later strokes of other kinds take away. */
export function maskPng(
  strokes: readonly Stroke[],
  kind: BrushKind,
  rows: number,
  cols: number,
): Promise<Blob> {
  return encodePng(rows, cols, 1, bands(strokes, kind, rows, cols));
}

function* bands(
  strokes: readonly Stroke[],
  kind: BrushKind,
  rows: number,
  cols: number,
): Generator<Uint8Array> {
  const canvas = new OffscreenCanvas(cols, Math.min(BAND_ROWS, rows));
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  if (!ink) throw new Error("This browser gives no drawing surface.");
  const spans = strokes.map((stroke) => ({ stroke, span: rowsOf(stroke) }));
  for (let top = 0; top < rows; top += BAND_ROWS) {
    const height = Math.min(BAND_ROWS, rows - top);
    const here = spans.filter(({ span }) => span[0] < top + height && span[1] >= top);
    const grey = new Uint8Array(cols * height);
    if (here.length) {
      ink.setTransform(1, 0, 0, 1, 0, 0);
      ink.clearRect(0, 0, cols, canvas.height);
      ink.setTransform(1, 0, 0, 1, 0, -top);
      for (const { stroke } of here) {
        drawStroke(ink, stroke.kind === kind ? stroke : { ...stroke, kind: "erase" }, "#fff");
      }
      const rgba = ink.getImageData(0, 0, cols, height).data;
      for (let i = 0; i < grey.length; i++) grey[i] = rgba[4 * i + 3]! > 127 ? 255 : 0;
    }
    yield grey;
  }
}
