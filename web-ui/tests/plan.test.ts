import { expect, test } from "vitest";
import type { Mark, Recipe, StepInfo } from "../src/api/types";
import { problemFrom } from "../src/api/client";
import { controlFor, slides } from "../src/state/field";
import { answered, fresh, fromAdvice, fromRecipe, moved, toSend, withStep } from "../src/state/plan";

const info = (step: string, properties = {}): StepInfo => ({
  step, title: step, kind: "local", evidence: 2, paper: "", settings_schema: { properties },
});
const known = [
  info("remove_dust", { grain: { type: "number", default: 1 }, limit: { type: ["number", "null"], default: null } }),
  info("denoise", { strength: { type: "number", default: 1 } }),
  info("upscale", { scale: { type: "integer", default: 2 } }),
];

test("a step that is added stands where advice would put it", () => {
  const plan = [fresh(known[0]!), fresh(known[2]!)];
  expect(withStep(plan, known[1]!, known).map((p) => p.step)).toEqual(["remove_dust", "denoise", "upscale"]);
  expect(withStep(plan, known[0]!, known)).toHaveLength(2);
  expect(withStep([], known[2]!, known).map((p) => p.step)).toEqual(["upscale"]);
});

test("only steps that are on are sent, in order, with what differs from the defaults", () => {
  const plan = known.map(fresh);
  plan[1]!.on = false;
  plan[0]!.settings.grain = 0.5;
  plan[0]!.settings.limit = null;
  expect(toSend(moved(plan, 2, 0))).toEqual([
    { step: "upscale", settings: {} },
    { step: "remove_dust", settings: { grain: 0.5 } },
  ]);
});

test("moving beyond the ends changes nothing", () => {
  expect(moved([1, 2, 3], 0, -1)).toEqual([1, 2, 3]);
  expect(moved([1, 2, 3], 2, 3)).toEqual([1, 2, 3]);
  expect(moved([1, 2, 3], 0, 2)).toEqual([2, 3, 1]);
});

test("a plan does not share its settings with the advice it came from", () => {
  const advised = [{
    step: "denoise", title: "", reason: "", kind: "", evidence: 2,
    settings: { strength: 1 }, settings_schema: known[1]!.settings_schema,
  }];
  const plan = fromAdvice(advised);
  plan[0]!.settings.strength = 2;
  expect(advised[0]!.settings.strength).toBe(1);
});

test("a recipe's settings lie over the defaults; steps that the service lacks are left out", () => {
  const recipe: Recipe = { name: "r", about: "", steps: [{ step: "denoise", settings: { strength: 2 } }, { step: "gone", settings: {} }] };
  expect(fromRecipe(recipe, known).map((p) => [p.step, p.settings])).toEqual([["denoise", { strength: 2 }]]);
});

test("each kind of setting gets its control, in both spellings of `or nothing`", () => {
  expect(controlFor({ type: "boolean" })).toEqual({ kind: "switch" });
  expect(controlFor({ type: ["boolean", "null"] })).toEqual({ kind: "choice", options: [null, true, false] });
  expect(controlFor({ type: "string", enum: ["a", "b"] })).toEqual({ kind: "choice", options: ["a", "b"] });
  for (const field of [
    { type: ["number", "null"], minimum: 0, maximum: 0.5 },
    { anyOf: [{ type: "number", minimum: 0, maximum: 0.5 }, { type: "null" }] },
  ]) {
    expect(controlFor(field)).toMatchObject({ kind: "number", low: 0, high: 0.5, nullable: true });
    expect(slides(controlFor(field))).toBe(false);
  }
  expect(controlFor({ type: "integer", minimum: 2, maximum: 32 })).toMatchObject({ step: 1 });
  expect(slides(controlFor({ type: "integer", minimum: 2, maximum: 32 }))).toBe(true);
  expect(slides(controlFor({ type: "integer", minimum: 0, maximum: 2147483647 }))).toBe(false);
});

test("an answer that is no problem document still becomes an error with its status", () => {
  expect(problemFrom("<html>502</html>", 502)).toMatchObject({ status: 502, found: "HTTP 502" });
  expect(problemFrom('{"title":"Busy","detail":"Full. Wait.","found":"Full.","remedy":"Wait."}', 503))
    .toMatchObject({ found: "Full.", remedy: "Wait.", status: 503 });
});

test("marks are outlined only where a step of the plan would mend them", () => {
  const mark = (kind: string) =>
    ({ key: `${kind}@1:1`, kind, box: [0, 0, 2, 2], area_px: 4, confidence: 0.9 }) as unknown as Mark;
  const marks = [mark("dust"), mark("wear")];
  const plan = [fresh(info("remove_dust")), fresh(info("mend_wear"))];
  expect(answered(marks, plan)).toHaveLength(2);
  plan[1]!.on = false;
  expect(answered(marks, plan).map((one) => one.kind)).toEqual(["dust"]);
  expect(answered(marks, [])).toEqual([]);
});
