/** Follows a job to its end: by server-sent events, by asking where they do not come through. */

import { job as fetchJob } from "./client";
import { FINAL, type Job, type JobEvent } from "./types";

const ASK_EVERY_MS = 700;
const SILENT_MS = 20_000;

/** Calls `hear` with each change; resolves with the finished job. Ends early with `stop`. */
export async function follow(
  job: Job,
  hear: (event: JobEvent) => void,
  stop: AbortSignal,
): Promise<Job> {
  if (job.links.events) await byEvents(job.links.events, hear, stop);
  for (;;) {
    stop.throwIfAborted();
    const now = await fetchJob(job.id);
    if (FINAL.includes(now.state)) return now;
    hear({ job: now.id, state: now.state, progress: now.progress, error: now.error });
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

/** Resolves when the job is at its end, or when events do not come: then it is asked for. */
function byEvents(url: string, hear: (event: JobEvent) => void, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    let timer = setTimeout(end, SILENT_MS);
    function end() {
      clearTimeout(timer);
      source.close();
      resolve();
    }
    function got(message: MessageEvent<string>) {
      clearTimeout(timer);
      timer = setTimeout(end, SILENT_MS);
      const event = JSON.parse(message.data) as JobEvent;
      hear(event);
      if (FINAL.includes(event.state)) end();
    }
    for (const type of ["message", "state", "progress"]) source.addEventListener(type, got);
    source.onerror = end;
    stop.addEventListener("abort", end, { once: true });
  });
}
