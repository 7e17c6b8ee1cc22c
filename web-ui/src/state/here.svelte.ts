/** A picture that stays on this device: restored in the browser, never sent. */

import type { Network } from "../device/manifest";
import { Cancelled, restoreHere, type Note, type Reason } from "../device/restore";

export interface LocalResult {
  id: string;
  url: string;
  blob: Blob;
  rows: number;
  cols: number;
  networks: string[];
  seconds: number;
}

let count = 0;

export class Here {
  readonly key = `here-${++count}`;
  readonly name: string;
  readonly file: File;
  readonly url: string;

  rows = $state(0);
  cols = $state(0);
  problem = $state<{ reason: Reason; detail: string } | null>(null);
  note = $state.raw<Note | null>(null);
  busy = $state(false);
  started = 0;
  versions = $state.raw<LocalResult[]>([]);
  shown = $state<string | null>(null);

  private stop: AbortController | null = null;

  constructor(file: File) {
    this.file = file;
    this.name = file.name;
    this.url = URL.createObjectURL(file);
  }

  get version(): LocalResult | null {
    return this.versions.find((one) => one.id === this.shown) ?? null;
  }

  async open(): Promise<void> {
    try {
      const bitmap = await createImageBitmap(this.file);
      this.rows = bitmap.height;
      this.cols = bitmap.width;
      bitmap.close();
    } catch {
      this.problem = { reason: "decode", detail: "" };
    }
  }

  async restore(networks: readonly Network[]): Promise<void> {
    if (this.busy || !networks.length) return;
    this.busy = true;
    this.problem = null;
    this.stop = new AbortController();
    this.started = performance.now();
    try {
      const hear = (note: Note) => (this.note = note);
      const end = await restoreHere(this.file, networks, hear, this.stop.signal);
      if (end.kind === "failed") this.problem = { reason: end.reason, detail: end.detail };
      else this.keep(end.png, end.rows, end.cols, end.seconds, networks.map((n) => n.name));
    } catch (error) {
      if (!(error instanceof Cancelled)) throw error;
    } finally {
      this.busy = false;
      this.note = null;
    }
  }

  cancel(): void {
    this.stop?.abort();
  }

  close(): void {
    this.cancel();
    for (const url of [this.url, ...this.versions.map((one) => one.url)]) URL.revokeObjectURL(url);
  }

  private keep(blob: Blob, rows: number, cols: number, seconds: number, networks: string[]): void {
    const id = `${this.key}-${this.versions.length + 1}`;
    const url = URL.createObjectURL(blob);
    this.versions = [...this.versions, { id, url, blob, rows, cols, networks, seconds }];
    this.shown = id;
  }
}
