/** The page's side of the on-device mode: starts the worker, listens, cancels. */

import { parseManifest, type Network } from "./manifest";
import type { Note, Order } from "./worker";

export type { Note, Reason } from "./worker";

export class Cancelled extends Error {}

const FOLDER = "./on-device/";
const RUNTIME = "./runtime/ort.wasm.gz";

/** The networks that the host offers for the browser; none when it offers none. */
export async function networks(): Promise<Network[]> {
  const answer = await fetch(`${FOLDER}on-device.json`).catch(() => null);
  return answer?.ok ? parseManifest(await answer.json()) : [];
}

/** Fetches everything once, so that the service worker keeps it for use without a connection. */
export async function makeReady(wanted: readonly Network[]): Promise<void> {
  const urls = [RUNTIME, `${FOLDER}on-device.json`, ...wanted.map((one) => FOLDER + one.file)];
  for (const url of urls) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    await answer.arrayBuffer();
  }
}

/** Restores `file` with these networks, one after another. Nothing leaves the device. */
export function restoreHere(
  file: Blob,
  wanted: readonly Network[],
  hear: (note: Note) => void,
  stop: AbortSignal,
): Promise<Extract<Note, { kind: "result" | "failed" }>> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return new Promise<Extract<Note, { kind: "result" | "failed" }>>((resolve, reject) => {
    stop.addEventListener("abort", () => reject(new Cancelled()), { once: true });
    worker.onerror = (event) =>
      resolve({ kind: "failed", reason: "other", detail: event.message || "worker" });
    worker.onmessage = ({ data }: MessageEvent<Note>) => {
      if (data.kind === "result" || data.kind === "failed") resolve(data);
      else hear(data);
    };
    const order: Order = {
      file,
      networks: wanted.map((one) => ({ ...one, inputs: [...one.inputs] })),
      folder: new URL(FOLDER, document.baseURI).href,
      runtime: new URL(RUNTIME, document.baseURI).href,
    };
    worker.postMessage(order);
  }).finally(() => worker.terminate());
}
