/** Everything on the page: the pictures, what the service can do, and how the page looks. */

import * as api from "../api/client";
import type { Job, Limits, Recipe, StepInfo } from "../api/types";
import type { Network } from "../device/manifest";
import { networks } from "../device/restore";
import { Here } from "./here.svelte";
import { Work } from "./work.svelte";

/** A picture on the table: restored by the service, or on this device. */
export type OnTable = Work | Here;

export class Studio {
  works = $state.raw<OnTable[]>([]);
  currentKey = $state<string | null>(null);
  policy = $state("family");

  /** Whether the service answers; null until it was asked. */
  online = $state<boolean | null>(null);
  signedOut = $state(false);
  limits = $state.raw<Limits | null>(null);
  steps = $state.raw<StepInfo[]>([]);
  policies = $state.raw<string[]>(["archive", "museum", "family", "film", "free"]);
  recipes = $state.raw<Recipe[]>([]);
  past = $state.raw<Job[]>([]);

  /** Whether new pictures stay on this device, and what can be done with them there. */
  here = $state(false);
  networks = $state.raw<Network[]>([]);

  get current(): OnTable | null {
    return this.works.find((work) => work.key === this.currentKey) ?? null;
  }

  step(name: string): StepInfo | undefined {
    return this.steps.find((one) => one.step === name);
  }

  can(feature: string): boolean {
    return this.limits?.features.includes(feature) ?? false;
  }

  async connect(): Promise<void> {
    void networks().then((found) => (this.networks = found));
    try {
      const who = await api.session();
      this.signedOut = who.token_needed && who.user === null;
      this.online = true;
      if (this.signedOut) return;
      const [limits, steps, recipes] = await Promise.all([
        api.limits(),
        api.steps(),
        api.recipes(),
      ]);
      this.limits = limits;
      this.steps = steps.steps;
      this.policies = Object.keys(steps.policies);
      this.recipes = recipes.recipes;
      await this.remember();
    } catch (error) {
      if (error instanceof api.Refusal && error.status === 401) this.signedOut = true;
      else this.online = false;
      this.here ||= this.online === false; // without the service, the device is what there is
    }
  }

  async remember(): Promise<void> {
    this.past = (await api.jobs()).jobs.filter((job) => job.kind !== "examine");
  }

  /** Puts files on the table; the first new one is shown. Uploads go one after another. */
  async add(files: readonly File[]): Promise<void> {
    if (this.here) {
      const local = files.map((file) => new Here(file));
      this.put(local);
      for (const work of local) await work.open();
      return;
    }
    const fresh = files.map((file) => new Work(file.name || "picture", file));
    this.put(fresh);
    for (const work of fresh) {
      await work.send();
      if (this.works.includes(work)) void work.examine(this.policy);
    }
  }

  remove(work: OnTable): void {
    work.close();
    const at = this.works.indexOf(work);
    this.works = this.works.filter((one) => one !== work);
    if (this.currentKey === work.key) {
      this.currentKey = (this.works[at] ?? this.works[at - 1])?.key ?? null;
    }
    if (work instanceof Work && work.upload) void api.deleteUpload(work.upload.id).catch(() => undefined);
  }

  /** One after another on the service's side: it queues fairly between users. */
  async restoreAll(): Promise<void> {
    const waiting = this.services.filter((w) => w.phase === "ready" && !w.busy && !w.version);
    const batch = `page-${Date.now().toString(36)}`;
    await Promise.all(waiting.map((work) => work.restore(this.policy, { batch })));
  }

  /** Opens a job of an earlier visit with the picture that it was made from. */
  async reopen(job: Job): Promise<void> {
    const there = this.services.find((work) => work.upload?.id === job.upload);
    if (there) {
      this.currentKey = there.key;
      if (there.versions.some((one) => one.id === job.id)) there.shown = job.id;
      else await there.take(job);
      return;
    }
    if (!job.upload) return;
    const work = new Work(job.name);
    work.upload = await api.upload(job.upload);
    work.phase = "ready";
    this.put([work]);
    void work.examine(this.policy);
    await work.take(job);
  }

  private get services(): Work[] {
    return this.works.filter((work) => work instanceof Work);
  }

  private put(fresh: OnTable[]): void {
    this.works = [...this.works, ...fresh];
    this.currentKey = fresh[0]?.key ?? this.currentKey;
  }
}

export const studio = new Studio();
