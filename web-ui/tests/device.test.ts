import { expect, test } from "vitest";
import { corePx, fitting, reflected, tiles, toPlanes, writeCore } from "../src/device/grid";
import { parseManifest } from "../src/device/manifest";

const size = { tile_px: 64, halo: 8, multiple_of: 4 };

test("cores tile the picture exactly, each read with its halo, cut at the edge", () => {
  for (const [rows, cols] of [[65, 200], [130, 64], [97, 97], [300, 1]] as const) {
    const seen = new Uint8Array(rows * cols);
    for (const { core, padded } of tiles(rows, cols, size)) {
      for (let r = core.top; r < core.top + core.rows; r++) {
        for (let c = core.left; c < core.left + core.cols; c++) seen[r * cols + c]! += 1;
      }
      expect(padded.top).toBe(Math.max(0, core.top - 8));
      expect(padded.left + padded.cols).toBe(Math.min(cols, core.left + core.cols + 8));
      expect(core.top % corePx(size)).toBe(0);
    }
    expect(seen.every((n) => n === 1), `${rows} x ${cols}`).toBe(true);
  }
});

test("a picture that fits one tile is computed whole", () => {
  expect(tiles(64, 50, size)).toHaveLength(1);
});

test("a tile without a core is an error, not an endless walk", () => {
  expect(() => corePx({ tile_px: 16, halo: 8, multiple_of: 4 })).toThrow(/no core/);
});

test("reflection does not repeat the edge, at any distance", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7].map((i) => reflected(i, 4))).toEqual([0, 1, 2, 3, 2, 1, 0, 1]);
  expect(reflected(9, 1)).toBe(0);
  expect(fitting(65, 4)).toBe(68);
});

test("pixels go in and come out at the right place", () => {
  const [rows, cols] = [70, 90];
  const rgba = Uint8ClampedArray.from({ length: 4 * rows * cols }, (_, i) => (i % 4 === 3 ? 255 : (i * 31) & 255));
  const result = new Uint8ClampedArray(rgba.length);
  for (const tile of tiles(rows, cols, size)) {
    const input = toPlanes(rgba, cols, tile.padded, 4, 3);
    expect(input.rows % 4 + (input.cols % 4)).toBe(0);
    expect(writeCore(result, cols, input.data, input, tile, 1, 3)).toBe(true);
  }
  expect(result).toEqual(rgba);
});

test("a scaled result lands where the grid says", () => {
  const [rows, cols, scale] = [70, 66, 2];
  const rgba = Uint8ClampedArray.from({ length: 4 * rows * cols }, (_, i) => (i % 4 === 3 ? 255 : (i >> 2) % 251));
  const result = new Uint8ClampedArray(4 * rows * cols * scale * scale);
  for (const tile of tiles(rows, cols, size)) {
    const small = toPlanes(rgba, cols, tile.padded, 4, 1);
    const large = new Float32Array(small.data.length * 4);
    for (let r = 0; r < small.rows * 2; r++) {
      for (let c = 0; c < small.cols * 2; c++) {
        large[r * small.cols * 2 + c] = small.data[(r >> 1) * small.cols + (c >> 1)]!;
      }
    }
    writeCore(result, cols * scale, large, small, tile, scale, 1);
  }
  for (const [r, c] of [[0, 0], [139, 131], [77, 40]] as const) {
    expect(result[4 * (r * cols * 2 + c)]).toBe(rgba[4 * ((r >> 1) * cols + (c >> 1))]);
  }
});

test("a value that is no number is told", () => {
  const tile = tiles(4, 4, size)[0]!;
  const planes = new Float32Array(16).fill(NaN);
  expect(writeCore(new Uint8ClampedArray(64), 4, planes, { rows: 4, cols: 4 }, tile, 1, 1)).toBe(false);
});

const good = {
  name: "smooth", task: "denoise", file: "smooth.onnx", sha256: "a".repeat(64),
  scale: 1, halo: 8, multiple_of: 4, inputs: [{ name: "image" }],
};

test("a manifest is read, and what the page cannot run is left out", () => {
  const bad = [
    { ...good, file: "../../secret.onnx" },
    { ...good, file: "https://example.org/x.onnx" },
    { ...good, file: "/etc/x.onnx" },
    { ...good, sha256: "short" },
    { ...good, inputs: [{ name: "image" }, { name: "mask" }] },
    { ...good, scale: 9 },
    { ...good, halo: 300 },
    { ...good, multiple_of: 1.5 },
    {},
  ];
  const read = parseManifest({ networks: [good, ...bad] });
  expect(read).toHaveLength(1);
  expect(read[0]).toMatchObject({ inputs: ["image"], tile_px: 256, channels: 3 });
  expect(() => parseManifest({})).toThrow(/networks/);
});
