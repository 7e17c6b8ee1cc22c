/** All calls to the service, typed. Errors carry the library's own two sentences. */

import type {
  Examination,
  Item,
  Job,
  JobRequest,
  Limits,
  Problem,
  Recipe,
  Session,
  Steps,
  Upload,
  Uploads,
} from "./types";

const V1 = "/v1";

/** An error that the service explained. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }

  get status(): number {
    return this.problem.status;
  }
}

/** No answer came: the service is stopped, or there is no connection. */
export class Unreachable extends Error {}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.headers = { ...init.headers, "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(path.startsWith("/") ? path : `${V1}/${path}`, init);
  } catch {
    throw new Unreachable();
  }
  const text = await answer.text();
  if (!answer.ok) throw new Refusal(problemFrom(text, answer.status));
  return (text ? JSON.parse(text) : undefined) as T;
}

/** The problem in an answer; one is made from the status when a proxy answered instead. */
export function problemFrom(text: string, status: number): Problem {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null;
    if (problem && typeof problem.title === "string") {
      const detail = problem.detail || problem.title;
      const base = { title: problem.title, detail, status, code: "", found: detail, remedy: "" };
      return { ...base, ...problem } as Problem;
    }
  } catch {
    // not JSON: told below with the status alone
  }
  const title = `HTTP ${status}`;
  return { title, status, detail: title, code: `http-${status}`, found: title, remedy: "" };
}

/** Sends one file; `told` hears the share that has gone out, `stop` ends it. */
export function sendFile(
  file: Blob,
  name: string,
  told: (share: number) => void,
  stop?: AbortSignal,
): Promise<Uploads> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("file", file, name);
    const request = new XMLHttpRequest(); // fetch tells nothing about what has been sent
    request.open("POST", `${V1}/uploads`);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (e) => e.lengthComputable && told(e.loaded / e.total);
    request.onerror = () => reject(new Unreachable());
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onload = () => {
      const uploads = uploadsFrom(request.responseText);
      if (uploads) resolve(uploads);
      else reject(new Refusal(problemFrom(request.responseText, request.status)));
    };
    stop?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

function uploadsFrom(text: string): Uploads | null {
  try {
    const data = JSON.parse(text) as Partial<Uploads> | null;
    return data && Array.isArray(data.uploads)
      ? { uploads: data.uploads, refused: data.refused ?? [] }
      : null;
  } catch {
    return null;
  }
}

export const session = () => call<Session>("GET", "session");
export const signIn = (token: string) => call<Session>("POST", "session", { token });
export const limits = () => call<Limits>("GET", "limits");
export const steps = () => call<Steps>("GET", "steps");
export const recipes = () => call<{ recipes: Recipe[] }>("GET", "recipes");
export const upload = (id: string) => call<Upload>("GET", `uploads/${id}`);
export const deleteUpload = (id: string) => call<unknown>("DELETE", `uploads/${id}`);
/** Answers with a job; what it found is its result. */
export const examine = (id: string, policy: string) =>
  call<Job>("POST", "examine", { upload: id, policy });
export const examination = (id: string) => call<Examination>("GET", `jobs/${id}/result`);
export const start = (request: JobRequest) => call<Job>("POST", "jobs", request);
export const job = (id: string) => call<Job>("GET", `jobs/${id}`);
export const jobs = () => call<{ jobs: Job[] }>("GET", "jobs?limit=100");
export const cancel = (id: string) => call<Job>("POST", `jobs/${id}/cancel`);
export const retry = (id: string) => call<Job>("POST", `jobs/${id}/retry`);
export const revert = (id: string, items: number[]) =>
  call<Job>("POST", `jobs/${id}/revert`, { items });
export const items = (link: string) => call<{ items: Item[] }>("GET", link);
