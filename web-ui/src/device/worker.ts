/** Restores one picture away from the page's thread. One picture at a time; cancelling is done by
 * ending the worker, which also gives all its memory back. */

import * as ort from "onnxruntime-web/wasm";
import { encodePng } from "../brush/png";
import { tiles, toPlanes, writeCore } from "./grid";
import type { Network } from "./manifest";

/** More than this is not held in a browser tab: source and result at 4 bytes each. */
export const MOST_PIXELS = 64e6;

export interface Order {
  file: Blob;
  networks: Network[];
  /** Where the networks and the packed runtime lie. */
  folder: string;
  runtime: string;
}

export type Note =
  | { kind: "stage"; stage: "runtime" | "network" | "decode" | "encode"; name?: string }
  | { kind: "tile"; name: string; done: number; total: number }
  | { kind: "result"; png: Blob; rows: number; cols: number; seconds: number }
  | { kind: "failed"; reason: Reason; detail: string };

export type Reason = "size" | "decode" | "network" | "numbers" | "other";

class Failure extends Error {
  constructor(
    readonly reason: Reason,
    message: string,
  ) {
    super(message);
  }
}

const say = (note: Note) => postMessage(note);

interface Pixels {
  rgba: Uint8ClampedArray;
  rows: number;
  cols: number;
}

self.onmessage = async (event: MessageEvent<Order>) => {
  try {
    await restore(event.data);
  } catch (error) {
    const reason = error instanceof Failure ? error.reason : "other";
    say({ kind: "failed", reason, detail: error instanceof Error ? error.message : String(error) });
  }
};

async function restore({ file, networks, folder, runtime }: Order): Promise<void> {
  const started = performance.now();
  say({ kind: "stage", stage: "decode" });
  let pixels = await decode(file);
  say({ kind: "stage", stage: "runtime" });
  await openRuntime(runtime);
  for (const network of networks) {
    say({ kind: "stage", stage: "network", name: network.name });
    pixels = await run(network, await fetchNetwork(network, folder), pixels);
  }
  say({ kind: "stage", stage: "encode" });
  const { rows, cols } = pixels;
  const png = await encodePng(rows, cols, 3, rgbBands(pixels));
  say({ kind: "result", png, rows, cols, seconds: (performance.now() - started) / 1000 });
}

/** Pixels as the file stores them: no colour management, orientation applied. */
async function decode(file: Blob): Promise<Pixels> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
      imageOrientation: "from-image",
    });
  } catch {
    throw new Failure("decode", "The browser cannot decode this file.");
  }
  const { width: cols, height: rows } = bitmap;
  if (rows * cols > MOST_PIXELS) throw new Failure("size", `${cols} x ${rows}`);
  const canvas = new OffscreenCanvas(cols, rows);
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  if (!ink) throw new Failure("size", `${cols} x ${rows}`);
  ink.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { rgba: ink.getImageData(0, 0, cols, rows).data, rows, cols };
}

async function openRuntime(url: string): Promise<void> {
  ort.env.wasm.numThreads = 1; // threads would need two more headers from every host of the page
  ort.env.wasm.wasmBinary ??= await unpacked(url);
}

/** The packed runtime; a host that unpacks it on the way (Content-Encoding) is fine too. */
async function unpacked(url: string): Promise<ArrayBuffer> {
  const bytes = await get(url);
  const head = new Uint8Array(bytes, 0, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function fetchNetwork(network: Network, folder: string): Promise<ArrayBuffer> {
  const bytes = await get(new URL(network.file, folder).href);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== network.sha256) {
    throw new Failure("network", `${network.name}: SHA-256 is ${found.slice(0, 12)}…`);
  }
  return bytes;
}

async function get(url: string): Promise<ArrayBuffer> {
  const answer = await fetch(url).catch(() => null);
  if (!answer?.ok) throw new Failure("network", `${url}: ${answer?.status ?? "no answer"}`);
  return answer.arrayBuffer();
}

async function run(network: Network, weights: ArrayBuffer, source: Pixels): Promise<Pixels> {
  const { rows, cols } = source;
  const { scale, channels, multiple_of, name } = network;
  if (rows * cols * scale * scale > MOST_PIXELS) {
    throw new Failure("size", `${cols * scale} x ${rows * scale}`);
  }
  const session = await ort.InferenceSession.create(new Uint8Array(weights), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  try {
    const rgba = new Uint8ClampedArray(4 * rows * cols * scale * scale);
    const all = tiles(rows, cols, network);
    for (const [done, tile] of all.entries()) {
      say({ kind: "tile", name, done, total: all.length });
      const input = toPlanes(source.rgba, cols, tile.padded, multiple_of, channels);
      const shape = [1, channels, input.rows, input.cols];
      const tensor = new ort.Tensor("float32", input.data, shape);
      const outputs = await session.run({ [network.inputs[0]!]: tensor });
      const output = outputs[session.outputNames[0]!]!;
      const planes = output.data as Float32Array;
      if (!writeCore(rgba, cols * scale, planes, input, tile, scale, output.dims[1]!)) {
        throw new Failure("numbers", `${name}: ${tile.core.left}, ${tile.core.top}`);
      }
      tensor.dispose();
      output.dispose();
    }
    say({ kind: "tile", name, done: all.length, total: all.length });
    return { rgba, rows: rows * scale, cols: cols * scale };
  } finally {
    await session.release();
  }
}

function* rgbBands({ rgba, rows, cols }: Pixels): Generator<Uint8Array> {
  const step = 128;
  for (let top = 0; top < rows; top += step) {
    const count = Math.min(step, rows - top) * cols;
    const band = new Uint8Array(3 * count);
    for (let i = 0, from = 4 * top * cols; i < 3 * count; i += 3, from += 4) {
      band[i] = rgba[from]!;
      band[i + 1] = rgba[from + 1]!;
      band[i + 2] = rgba[from + 2]!;
    }
    yield band;
  }
}
