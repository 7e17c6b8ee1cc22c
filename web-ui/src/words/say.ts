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

const formats = new Map<string, Intl.NumberFormat>();

/** A number by the language's rules. Formats are kept: making one costs more than using it, and
 * the zoom is written in every frame of a movement. */
function written(value: number, options: Intl.NumberFormatOptions): string {
  const key = look.language + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.NumberFormat(look.language, options)));
  return format.format(value);
}

export function number(value: number, digits = 0): string {
  return written(value, { maximumFractionDigits: digits });
}

export function percent(share: number): string {
  const digits = share > 0 && share < 0.01 ? 2 : share < 0.1 ? 1 : 0;
  return written(share, { style: "percent", maximumFractionDigits: digits });
}

export function bytes(count: number): string {
  const [unit, size] =
    count >= 1e9 ? (["gigabyte", 1e9] as const)
    : count >= 1e6 ? (["megabyte", 1e6] as const)
    : (["kilobyte", 1e3] as const);
  const digits = count / size < 10 ? 1 : 0;
  return written(count / size, { style: "unit", unit, maximumFractionDigits: digits });
}

/** `42 seconds`, `3 minutes`: rounded as a person would say it. */
export function lasting(seconds: number): string {
  const [unit, value] =
    seconds < 90 ? (["second", Math.max(1, Math.round(seconds))] as const)
    : seconds < 5400 ? (["minute", Math.round(seconds / 60)] as const)
    : (["hour", Math.round(seconds / 3600)] as const);
  return written(value, { style: "unit", unit, unitDisplay: "long" });
}

export function moment(iso: string): string {
  return new Intl.DateTimeFormat(look.language, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(iso),
  );
}
