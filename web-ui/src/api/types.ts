/** What the service says; the same names as its schemas (`GET /v1/openapi.json`). */

export type Box = [top: number, left: number, rows: number, cols: number];

export interface Problem {
  title: string;
  status: number;
  detail: string;
  code: string;
  found: string;
  remedy: string;
  request_id?: string;
}

export interface Upload {
  id: string;
  name: string;
  state: "receiving" | "ready";
  kind: "picture" | "film" | null;
  format: string;
  rows: number;
  cols: number;
  bits: number;
  pages: number;
  frames: number | null;
  duration_s: number | null;
  bytes: number;
  thumbnail: string | null;
  picture: string | null;
  tiles: string | null;
}

export interface Uploads {
  uploads: Upload[];
  refused: { name: string; problem: Problem }[];
}

export interface Finding {
  name: string;
  says: string;
  confidence: number | null;
  facts: Record<string, unknown>;
}

export interface Mark {
  key: string;
  kind: string;
  box: Box;
  area_px: number;
  confidence: number;
}

export interface Face {
  box: Box;
  confidence: number;
}

export interface PlanStep {
  step: string;
  title: string;
  reason: string;
  kind: string;
  evidence: number;
  settings: Settings;
  settings_schema: Schema;
}

export type Value = boolean | number | string | number[] | null;
export type Settings = Record<string, Value>;

/** The part of JSON schema that settings use. */
export interface Schema {
  properties?: Record<string, Field>;
}

export interface Field {
  type?: string | string[];
  anyOf?: Field[];
  enum?: Value[];
  default?: Value;
  description?: string;
  minimum?: number;
  maximum?: number;
  "x-unit"?: string;
  "x-neutral"?: Value;
}

export interface Examination {
  rows: number;
  cols: number;
  bits: number;
  findings: Finding[];
  marks: Mark[];
  faces: Face[];
  plan: PlanStep[];
  left_alone: string[];
  notes: string[];
}

export interface StepInfo {
  step: string;
  title: string;
  kind: string;
  evidence: number;
  paper: string;
  settings_schema: Schema;
}

export interface Steps {
  steps: StepInfo[];
  policies: Record<string, number[]>;
}

export interface Recipe {
  name: string;
  about: string;
  steps: { step: string; settings: Settings }[];
}

export interface Limits {
  upload_bytes: number;
  film_bytes: number;
  files_per_upload: number;
  area_mpx: number;
  retention_s: number;
  ephemeral: boolean;
  formats_in: string[];
  formats_out: string[];
  features: string[];
}

export interface Session {
  user: string | null;
  token_needed: boolean;
}

export interface Hint {
  row: number;
  col: number;
  colour: string;
}

export interface JobRequest {
  kind: "restore" | "film";
  upload: string;
  steps?: { step: string; settings: Settings }[];
  policy?: string;
  rejected?: string[];
  mask?: string;
  protect?: string;
  colorize?: boolean;
  hints?: Hint[];
  faces?: boolean | number[];
  format?: string;
  quality?: number;
  batch?: string;
}

export interface Progress {
  stage: string;
  stage_number: number;
  done: number;
  total: number;
  share: number;
  elapsed_s: number;
  left_s: number | null;
}

export interface Summary {
  name: string;
  format: string;
  rows: number;
  cols: number;
  bytes: number;
  sha256: string;
  same_bytes_as_source: boolean;
  verified: boolean;
  changed_share: number;
  evidence_shares: Record<string, number>;
  steps: { step: string; evidence: number; changed_share: number; items_made: number }[];
  items: number;
  left_alone: string[];
  warnings: string[];
}

export type State = "queued" | "running" | "succeeded" | "failed" | "cancelled";

export interface Job {
  id: string;
  kind: string;
  state: State;
  name: string;
  upload: string | null;
  parent: string | null;
  created: string;
  ahead: number | null;
  progress: Progress | null;
  error: Problem | null;
  summary: Summary | null;
  request: { steps?: { step: string }[] | null; recipe?: string; [key: string]: unknown };
  links: Partial<Record<JobLink, string | null>>;
}

export type JobLink =
  | "self"
  | "events"
  | "picture"
  | "view"
  | "tiles"
  | "evidence"
  | "evidence_view"
  | "items"
  | "record"
  | "report"
  | "package";

export interface JobEvent {
  job: string;
  state: State;
  progress: Progress | null;
  error: Problem | null;
}

export interface Item {
  number: number;
  step: string;
  key: string;
  kind: string;
  box: Box;
  area_px: number;
  confidence: number;
  made: boolean;
  /** Of a film: which frame, and when it is shown. */
  frame?: number | null;
  time_s?: number | null;
}

export const FINAL: readonly State[] = ["succeeded", "failed", "cancelled"];
