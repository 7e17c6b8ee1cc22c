/** One picture or film on the table: what was found, what is planned, what was made. */

import { SvelteMap, SvelteSet } from "svelte/reactivity";
import * as api from "../api/client";
import { follow } from "../api/follow";
import type {
  Examination,
  Face,
  Hint,
  Item,
  Job,
  JobRequest,
  Mark,
  Progress,
  Upload,
} from "../api/types";
import { maskPng } from "../brush/mask";
import { Strokes } from "../brush/strokes";
import { answered, fromAdvice, toSend, type Planned } from "./plan";

export type Phase = "sending" | "refused" | "ready";

let count = 0;

export class Work {
  readonly key = `work-${++count}`;
  readonly name: string;
  readonly file: File | null;

  phase = $state<Phase>("sending");
  sent = $state(0);
  problem = $state<unknown>(null);
  upload = $state.raw<Upload | null>(null);

  examination = $state.raw<Examination | null>(null);
  examining = $state(false);
  looking = $state.raw<Progress | null>(null);
  rejected = new SvelteSet<string>();
  plan = $state<Planned[]>([]);
  recipe = $state("auto");

  strokes = $state.raw(new Strokes());
  hints = $state<Hint[]>([]);
  faces = new SvelteSet<number>();

  /** The job under way; while there is one, nothing else is started for this picture. */
  running = $state.raw<Job | null>(null);
  progress = $state.raw<Progress | null>(null);
  starting = $state(false);
  /** Finished results, oldest first; `shown` is the one in the viewer. */
  versions = $state.raw<Job[]>([]);
  shown = $state<string | null>(null);
  items = new SvelteMap<string, Item[]>();

  private stop = new AbortController();
  private lookingJob: string | null = null;

  constructor(name: string, file: File | null = null) {
    this.name = name;
    this.file = file;
  }

  get busy(): boolean {
    return this.starting || this.running !== null;
  }

  get version(): Job | null {
    return this.versions.find((job) => job.id === this.shown) ?? null;
  }

  get film(): boolean {
    return this.upload?.kind === "film";
  }

  get marks(): readonly Mark[] {
    return this.examination?.marks ?? [];
  }

  /** The marks that the plan as it stands would mend, those that the user rejected among them. */
  get answered(): readonly Mark[] {
    return answered(this.marks, this.plan);
  }

  get seenFaces(): readonly Face[] {
    return this.examination?.faces ?? [];
  }

  async send(): Promise<void> {
    if (!this.file) return;
    try {
      const told = (share: number) => (this.sent = share);
      const answer = await api.sendFile(this.file, this.name, told, this.stop.signal);
      const refused = answer.refused[0];
      if (refused) throw new api.Refusal(refused.problem);
      this.upload = answer.uploads[0] ?? null;
      this.phase = "ready";
    } catch (error) {
      this.problem = error;
      this.phase = "refused";
    }
  }

  async examine(policy: string): Promise<void> {
    if (!this.upload || this.film) return;
    this.examining = true;
    this.problem = null;
    try {
      const hear = (event: { progress: Progress | null }) => (this.looking = event.progress);
      const begun = await api.examine(this.upload.id, policy);
      this.lookingJob = begun.id;
      const job = await follow(begun, hear, this.stop.signal);
      if (job.state === "cancelled") return;
      if (job.error) throw new api.Refusal(job.error);
      this.examination = await api.examination(job.id);
      if (this.recipe === "auto") this.plan = fromAdvice(this.examination.plan);
    } catch (error) {
      if (!this.stop.signal.aborted) this.problem = error;
    } finally {
      this.examining = false;
      this.looking = null;
      this.lookingJob = null;
    }
  }

  async stopLooking(): Promise<void> {
    if (this.lookingJob) await api.cancel(this.lookingJob).catch((error) => (this.problem = error));
  }

  async restore(policy: string, extra: Partial<JobRequest> = {}): Promise<void> {
    const upload = this.upload;
    if (!upload || this.busy) return;
    await this.run(async () => {
      const request: JobRequest = { kind: this.film ? "film" : "restore", upload: upload.id, policy };
      if (!this.film) {
        request.steps = toSend($state.snapshot(this.plan) as Planned[]);
        request.rejected = [...this.rejected];
        await this.addMasks(request, upload);
        if (this.hints.length) request.hints = $state.snapshot(this.hints);
        // the service counts faces from 1, from left to right
        const faces = [...this.faces].map((at) => at + 1);
        if (faces.length) request.faces = faces.sort((a, b) => a - b);
      }
      return api.start({ ...request, ...extra });
    });
  }

  async revert(numbers: number[]): Promise<void> {
    const from = this.version;
    if (from && !this.busy) await this.run(() => api.revert(from.id, numbers));
  }

  async cancel(): Promise<void> {
    if (this.running) await api.cancel(this.running.id).catch((error) => (this.problem = error));
  }

  async loadItems(job: Job): Promise<void> {
    if (!job.links.items || this.items.has(job.id)) return;
    try {
      this.items.set(job.id, (await api.items(job.links.items)).items);
    } catch (error) {
      this.problem = error;
    }
  }

  /** Takes up a finished or running job of an earlier visit. */
  async take(job: Job): Promise<void> {
    if (job.state === "succeeded") this.show(job);
    else if (job.state === "queued" || job.state === "running") await this.run(async () => job);
  }

  close(): void {
    this.stop.abort();
  }

  private show(job: Job): void {
    this.versions = [...this.versions, job];
    this.shown = job.id;
  }

  private async run(begin: () => Promise<Job>): Promise<void> {
    this.problem = null;
    this.progress = null;
    this.starting = true;
    try {
      this.running = await begin();
      this.starting = false;
      const hear = (event: { progress: Progress | null }) => {
        if (event.progress) this.progress = event.progress;
      };
      const done = await follow(this.running, hear, this.stop.signal);
      if (done.state === "succeeded") this.show(done);
      else if (done.error) throw new api.Refusal(done.error);
    } catch (error) {
      if (!this.stop.signal.aborted) this.problem = error;
    } finally {
      this.starting = false;
      this.running = null;
      this.progress = null;
    }
  }

  private async addMasks(request: JobRequest, { rows, cols }: Upload): Promise<void> {
    for (const [kind, field] of [["mend", "mask"], ["protect", "protect"]] as const) {
      if (!this.strokes.has(kind)) continue;
      const png = await maskPng(this.strokes.done, kind, rows, cols);
      const answer = await api.sendFile(png, `${kind}.png`, () => undefined, this.stop.signal);
      const upload = answer.uploads[0];
      if (!upload) throw new api.Refusal(answer.refused[0]!.problem);
      request[field] = upload.id;
    }
  }
}
