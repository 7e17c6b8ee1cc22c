/** Tiles for networks, laid as the Python side lays them: a fixed core from the picture's origin,
 * a halo cut at the picture's edge, sides reflected up to what the network takes. Cores meet
 * without a seam, because each tile is read as far around as the network looks. */

export interface Box {
  top: number;
  left: number;
  rows: number;
  cols: number;
}

export interface Tile {
  /** What the tile writes. */
  core: Box;
  /** What it reads. */
  padded: Box;
}

export interface NetworkSize {
  tile_px: number;
  halo: number;
  multiple_of: number;
}

/** The side of the square that a tile writes: a multiple of what the network takes. */
export function corePx({ tile_px, halo, multiple_of }: NetworkSize): number {
  const core = Math.floor((tile_px - 2 * halo) / multiple_of) * multiple_of;
  if (core < 1) throw new Error(`Tiles of ${tile_px} px with a halo of ${halo} px have no core.`);
  return core;
}

export function tiles(rows: number, cols: number, size: NetworkSize): Tile[] {
  if (Math.max(rows, cols) <= size.tile_px) {
    const whole = { top: 0, left: 0, rows, cols };
    return [{ core: whole, padded: whole }];
  }
  const side = corePx(size);
  const all: Tile[] = [];
  for (let top = 0; top < rows; top += side) {
    for (let left = 0; left < cols; left += side) {
      const core = {
        top,
        left,
        rows: Math.min(side, rows - top),
        cols: Math.min(side, cols - left),
      };
      all.push({ core, padded: grown(core, size.halo, rows, cols) });
    }
  }
  return all;
}

function grown(box: Box, by: number, rows: number, cols: number): Box {
  const top = Math.max(0, box.top - by);
  const left = Math.max(0, box.left - by);
  return {
    top,
    left,
    rows: Math.min(rows, box.top + box.rows + by) - top,
    cols: Math.min(cols, box.left + box.cols + by) - left,
  };
}

/** The next side that the network takes. */
export function fitting(side: number, multiple: number): number {
  return Math.ceil(side / multiple) * multiple;
}

/** Where index `i` past a side of length `n` reads from, by reflection without the edge twice. */
export function reflected(i: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * (n - 1);
  const at = ((i % period) + period) % period;
  return at < n ? at : period - at;
}

/** Pixels of `box` as (channels, rows, cols) floats 0-1, padded to the network's multiple.
 * One channel in: the mean of the three, as grey pictures have three equal ones. */
export function toPlanes(
  rgba: Uint8ClampedArray,
  cols: number,
  box: Box,
  multiple: number,
  channels: number,
): { data: Float32Array; rows: number; cols: number } {
  const high = fitting(box.rows, multiple);
  const wide = fitting(box.cols, multiple);
  const data = new Float32Array(channels * high * wide);
  for (let r = 0; r < high; r++) {
    const from = (box.top + reflected(r, box.rows)) * cols + box.left;
    for (let c = 0; c < wide; c++) {
      const at = 4 * (from + (c < box.cols ? c : reflected(c, box.cols)));
      const to = r * wide + c;
      if (channels === 1) {
        data[to] = (rgba[at]! + rgba[at + 1]! + rgba[at + 2]!) / 765;
      } else {
        for (let k = 0; k < 3; k++) data[k * high * wide + to] = rgba[at + k]! / 255;
      }
    }
  }
  return { data, rows: high, cols: wide };
}

/** Writes a tile's core, computed at `scale`, into the result. Returns false on a NaN. */
export function writeCore(
  target: Uint8ClampedArray,
  targetCols: number,
  planes: Float32Array,
  padded: { rows: number; cols: number },
  tile: Tile,
  scale: number,
  channels: number,
): boolean {
  const { core } = tile;
  const offR = (core.top - tile.padded.top) * scale;
  const offC = (core.left - tile.padded.left) * scale;
  const wide = padded.cols * scale;
  const plane = padded.rows * scale * wide;
  for (let r = 0; r < core.rows * scale; r++) {
    let to = 4 * ((core.top * scale + r) * targetCols + core.left * scale);
    let from = (offR + r) * wide + offC;
    for (let c = 0; c < core.cols * scale; c++, to += 4, from++) {
      for (let k = 0; k < 3; k++) {
        const value = planes[(channels === 1 ? 0 : k) * plane + from]!;
        if (Number.isNaN(value)) return false;
        target[to + k] = Math.round(value * 255); // clamped by the array
      }
      target[to + 3] = 255;
    }
  }
  return true;
}
