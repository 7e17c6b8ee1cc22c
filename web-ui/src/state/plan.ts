/** The plan: an ordered list of steps, each on or off. Plain data and pure functions. */

import type { Examination, Mark, PlanStep, Recipe, Schema, Settings, StepInfo } from "../api/types";

export interface Planned {
  step: string;
  title: string;
  reason: string;
  evidence: number;
  on: boolean;
  settings: Settings;
  schema: Schema;
}

export function fromAdvice(plan: readonly PlanStep[]): Planned[] {
  return plan.map((p) => ({
    step: p.step,
    title: p.title,
    reason: p.reason,
    evidence: p.evidence,
    on: true,
    settings: { ...p.settings },
    schema: p.settings_schema,
  }));
}

export function fromRecipe(recipe: Recipe, known: readonly StepInfo[]): Planned[] {
  return recipe.steps.flatMap(({ step, settings }) => {
    const info = known.find((one) => one.step === step);
    return info ? [{ ...fresh(info), settings: { ...defaults(info.settings_schema), ...settings } }] : [];
  });
}

/** A step that was asked for by name, with its default settings. */
export function fresh(info: StepInfo): Planned {
  return {
    step: info.step,
    title: info.title,
    reason: "",
    evidence: info.evidence,
    on: true,
    settings: defaults(info.settings_schema),
    schema: info.settings_schema,
  };
}

export function defaults(schema: Schema): Settings {
  const entries = Object.entries(schema.properties ?? {});
  return Object.fromEntries(entries.map(([name, field]) => [name, field.default ?? null]));
}

/** The plan with a step put where advice would put it: by the order of the known steps. */
export function withStep(plan: readonly Planned[], info: StepInfo, known: readonly StepInfo[]) {
  if (plan.some((p) => p.step === info.step)) return [...plan];
  const rank = (step: string) => known.findIndex((one) => one.step === step);
  const at = plan.findIndex((p) => rank(p.step) > rank(info.step));
  return at < 0 ? [...plan, fresh(info)] : plan.toSpliced(at, 0, fresh(info));
}

export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const item = list[from];
  if (item === undefined || to < 0 || to >= list.length) return [...list];
  return list.toSpliced(from, 1).toSpliced(to, 0, item);
}

/** What is sent: the steps that are on, with the settings that differ from the defaults. */
export function toSend(plan: readonly Planned[]): { step: string; settings: Settings }[] {
  return plan
    .filter((p) => p.on)
    .map((p) => {
      const usual = defaults(p.schema);
      const changed = Object.entries(p.settings).filter(
        ([name, value]) => value !== null && JSON.stringify(value) !== JSON.stringify(usual[name]),
      );
      return { step: p.step, settings: Object.fromEntries(changed) };
    });
}

/** Which step answers a finding, and which of its settings is its strength. */
const ANSWERS: Record<string, { step: string; strength?: string }> = {
  noise: { step: "denoise", strength: "strength" },
  fade: { step: "correct_fading", strength: "strength" },
  sharpness: { step: "sharpen", strength: "amount" },
  dust: { step: "remove_dust", strength: "min_confidence" },
  hair: { step: "remove_dust", strength: "min_confidence" },
  scratch: { step: "remove_scratches", strength: "min_confidence" },
  crease: { step: "mend_creases", strength: "min_confidence" },
  tear: { step: "mend_creases", strength: "min_confidence" },
  corner: { step: "mend_creases", strength: "min_confidence" },
  stain: { step: "remove_stains", strength: "min_confidence" },
  "tide-line": { step: "remove_stains", strength: "min_confidence" },
  foxing: { step: "remove_stains", strength: "min_confidence" },
  wear: { step: "mend_wear", strength: "min_confidence" },
  loss: { step: "fill_losses", strength: "min_confidence" },
  blur: { step: "deblur" },
  halftone: { step: "descreen", strength: "strength" },
  jpeg_blocks: { step: "deblock", strength: "strength" },
  negative: { step: "invert_negative" },
  silvering: { step: "correct_silvering", strength: "strength" },
  paper: { step: "correct_yellowing", strength: "strength" },
};

export function answerTo(finding: string, known: readonly StepInfo[]) {
  const answer = ANSWERS[finding];
  const info = answer && known.find((one) => one.step === answer.step);
  return info ? { info, strength: answer.strength ?? null } : null;
}

/** The marks that a step of the plan would mend. */
export function answered(marks: readonly Mark[], plan: readonly Planned[]): Mark[] {
  const on = new Set(plan.filter((one) => one.on).map((one) => one.step));
  return marks.filter((mark) => on.has(ANSWERS[mark.kind]?.step ?? ""));
}

/** Marks by kind, most first. */
export function markKinds(examination: Examination): [kind: string, count: number][] {
  const counts = new Map<string, number>();
  for (const mark of examination.marks) counts.set(mark.kind, (counts.get(mark.kind) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
