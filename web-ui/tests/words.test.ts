import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CATALOGUE, LANGUAGES } from "../src/words/catalogue";
import { filled } from "../src/words/filled";

const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

test("each word is there in each language, with the same holes and as many forms", () => {
  for (const [word, texts] of Object.entries(CATALOGUE)) {
    expect(texts, word).toHaveLength(LANGUAGES.length);
    for (const text of texts) {
      expect(text.trim(), word).toBe(text);
      expect(text, word).not.toBe("");
      expect(holes(text), `${word}: ${text}`).toEqual(holes(texts[0]));
      expect(text.split("|").length, `${word}: ${text}`).toBe(texts[0].split("|").length);
    }
  }
});

test("each word that the page says is in the catalogue, and none is left over", () => {
  const folder = new URL("../src/", import.meta.url);
  const source = (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => /\.(svelte|ts)$/.test(name) && !name.endsWith("catalogue.ts"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n")
    .replaceAll("'", '"');
  const said = [...source.matchAll(/\bsay\(\s*"([^"]+)"/g)].map((match) => match[1]!);
  expect(said.length).toBeGreaterThan(100);
  for (const word of said) expect(Object.keys(CATALOGUE), word).toContain(word);
  const made = [...source.matchAll(/`([\w.]+\.)\$\{/g)].map((match) => match[1]!);
  for (const word of Object.keys(CATALOGUE)) {
    const used = source.includes(`"${word}"`) || made.some((start) => word.startsWith(start));
    expect(used, `${word} is never said`).toBe(true);
  }
});

test("the form follows the language's own rule for one and many", () => {
  expect(filled("{n} spot|{n} spots", { n: 1 }, "en")).toBe("1 spot");
  expect(filled("{n} spot|{n} spots", { n: 0 }, "en")).toBe("0 spots");
  expect(filled("{n} grain|{n} grains", { n: 0 }, "fr")).toBe("0 grain");
  expect(filled("{n} Flecken", { n: 1234 }, "de")).toBe("1.234 Flecken");
  expect(filled("{unknown}", {}, "en")).toBe("{unknown}");
});
