/** Words in the page's language, with numbers, times and sizes written as that language does. */

import { look } from "../state/look.svelte";
import { CATALOGUE, LANGUAGES, type Word } from "./catalogue";
import { filled } from "./filled";

export { LANGUAGES, type Word };

const NAMED = new Set<string>(Object.keys(CATALOGUE));

/** The text of `word`, with `{name}` replaced by values. `one|many` is chosen by `n`. */
export function say(word: Word, values: Record<string, string | number> = {}): string {
  const text = CATALOGUE[word][LANGUAGES.indexOf(look.language)]!;
  return filled(text, values, look.language);
}

/** The text of a word that may not be in the catalogue, e.g. the name of a later step. */
export function sayIfKnown(word: string): string | null {
  return NAMED.has(word) ? say(word as Word) : null;
}

/** `min_confidence` -> `Min confidence`: for names that have no translation. */
export function plain(name: string): string {
  const words = name.replace(/_px$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(look.language, { maximumFractionDigits: digits }).format(value);
}

export function percent(share: number): string {
  const digits = share > 0 && share < 0.01 ? 2 : share < 0.1 ? 1 : 0;
  return new Intl.NumberFormat(look.language, {
    style: "percent",
    maximumFractionDigits: digits,
  }).format(share);
}

export function bytes(count: number): string {
  const [unit, size] =
    count >= 1e9 ? (["gigabyte", 1e9] as const)
    : count >= 1e6 ? (["megabyte", 1e6] as const)
    : (["kilobyte", 1e3] as const);
  return new Intl.NumberFormat(look.language, {
    style: "unit",
    unit,
    maximumFractionDigits: count / size < 10 ? 1 : 0,
  }).format(count / size);
}

/** `42 seconds`, `3 minutes`: rounded as a person would say it. */
export function lasting(seconds: number): string {
  const [unit, value] =
    seconds < 90 ? (["second", Math.max(1, Math.round(seconds))] as const)
    : seconds < 5400 ? (["minute", Math.round(seconds / 60)] as const)
    : (["hour", Math.round(seconds / 3600)] as const);
  return new Intl.NumberFormat(look.language, { style: "unit", unit, unitDisplay: "long" }).format(
    value,
  );
}

export function moment(iso: string): string {
  return new Intl.DateTimeFormat(look.language, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(iso),
  );
}
