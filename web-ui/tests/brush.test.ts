import { inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { boxStroke } from "../src/brush/box";
import { crc32, encodePng } from "../src/brush/png";
import { follows, pressed, rowsOf, Strokes, type Stroke } from "../src/brush/strokes";

const dot = (kind: Stroke["kind"], x = 5, y = 5, r = 2): Stroke => ({ kind, points: [x, y, r] });

test("undo and redo walk the strokes, and a new stroke ends what could be redone", () => {
  const two = new Strokes().add(dot("mend")).add(dot("protect"));
  const one = two.undo();
  expect(one.done.map((s) => s.kind)).toEqual(["mend"]);
  expect(one.redo().done).toEqual(two.done);
  expect(one.add(dot("erase")).redo().done.map((s) => s.kind)).toEqual(["mend", "erase"]);
  expect(new Strokes().undo().redo().done).toEqual([]);
});

test("an empty stroke is not kept", () => {
  expect(new Strokes().add({ kind: "mend", points: [] }).done).toEqual([]);
});

test("the widest stroke of a kind is told, others do not count", () => {
  const strokes = new Strokes().add(dot("mend", 0, 0, 3)).add(dot("protect", 0, 0, 50));
  expect(strokes.widest("mend")).toBe(6);
  expect(strokes.widest("erase")).toBe(0);
});

test("points closer than a sixth of the radius are dropped", () => {
  expect(follows([0, 0, 12], 1, 0, 12)).toBe(false);
  expect(follows([0, 0, 12], 3, 0, 12)).toBe(true);
  expect(follows([], 0, 0, 12)).toBe(true);
});

test("only a pen's pressure changes the radius", () => {
  expect(pressed(10, { pointerType: "pen", pressure: 0 })).toBe(5);
  expect(pressed(10, { pointerType: "pen", pressure: 1 })).toBe(10);
  expect(pressed(10, { pointerType: "mouse", pressure: 0.5 })).toBe(10);
});

test("a stroke's rows include its thickness", () => {
  expect(rowsOf({ kind: "mend", points: [0, 10, 2, 0, 30, 4] })).toEqual([8, 34]);
});

test("a painted box covers each pixel of the box", () => {
  for (const [rows, cols] of [[40, 40], [1, 90], [77, 13], [200, 150]] as const) {
    const { points } = boxStroke("mend", [7, 3, rows, cols]);
    for (let y = 7 + 0.5; y < 7 + rows; y += 1) {
      const rowsNear: number[] = [];
      for (let i = 0; i < points.length; i += 3) {
        if (Math.abs(points[i + 1]! - y) <= points[i + 2]!) rowsNear.push(points[i + 1]!);
      }
      expect(rowsNear.length, `row ${y} of ${rows} x ${cols}`).toBeGreaterThan(0);
    }
    const xs = points.filter((_, i) => i % 3 === 0);
    const r = points[2]!;
    expect(Math.min(...xs) - r).toBeCloseTo(3);
    expect(Math.max(...xs) + r).toBeCloseTo(3 + cols);
  }
});

test("crc32 has the published check value", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

test("a PNG in bands holds exactly the bytes that were given", async () => {
  const [rows, cols] = [37, 11];
  const pixels = Uint8Array.from({ length: rows * cols * 3 }, (_, i) => (i * 97 + (i >> 3)) & 255);
  const bands = [0, 16, 32].map((top) => pixels.slice(top * cols * 3, (top + 16) * cols * 3));
  const blob = await encodePng(rows, cols, 3, bands);
  const file = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(file.buffer);
  const packed: number[] = [];
  for (let at = 8; at < file.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const body = file.subarray(at + 8, at + 8 + length);
    expect(view.getUint32(at + 8 + length)).toBe(crc32(file.subarray(at + 4, at + 8 + length)));
    if (name === "IHDR") expect([...body]).toEqual([0, 0, 0, 11, 0, 0, 0, 37, 8, 2, 0, 0, 0]);
    if (name === "IDAT") packed.push(...body);
    at += 12 + length;
  }
  const lines = inflateSync(Uint8Array.from(packed));
  const stride = cols * 3;
  let above = new Uint8Array(stride);
  for (let row = 0; row < rows; row++) {
    expect(lines[row * (stride + 1)]).toBe(2);
    const line = Uint8Array.from(above, (up, i) => up + lines[row * (stride + 1) + 1 + i]!);
    expect([...line]).toEqual([...pixels.subarray(row * stride, (row + 1) * stride)]);
    above = line;
  }
});
