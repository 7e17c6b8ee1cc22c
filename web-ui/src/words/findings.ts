/** Findings as a person would say them. The finder's own sentence stays available beside it. */

import type { Finding } from "../api/types";
import { number, percent, plain, say, sayIfKnown } from "./say";

export function findingTitle(name: string): string {
  return sayIfKnown(`finding.${name}`) ?? plain(name);
}

/** One sentence in the page's language; null: there is only the finder's own, in English. */
export function findingSentence({ name, confidence, facts }: Finding): string | null {
  if (confidence === null) return say("finding.abstained");
  switch (name) {
    case "tone":
      return sayIfKnown(`tone.${String(facts.kind)}`);
    case "noise": {
      const sigma = facts.sigma;
      if (typeof sigma !== "number") return null;
      if (facts.grain === true) return say("noise.grain");
      return say(sigma * 255 >= 6 ? "noise.strong" : "noise.weak", { sigma: number(sigma * 255, 1) });
    }
    case "fade": {
      const share = facts.contrast_share;
      if (typeof share !== "number") return null;
      return say(facts.faded === true ? "fade.faded" : "fade.sound", { share: percent(share) });
    }
    case "sharpness":
      return say(facts.blurred === true ? "sharpness.soft" : "sharpness.sharp");
    case "clipping": {
      const worst = Math.max(0, ...numbers(facts.black_share), ...numbers(facts.white_share));
      return worst > 0.001 ? say("clipping.some", { share: percent(worst) }) : say("clipping.none");
    }
    case "cast": {
      const [a, b] = [facts.a, facts.b];
      if (typeof a !== "number" || typeof b !== "number") return null;
      return say(Math.hypot(a, b) > 6 ? castWord(a, b) : "cast.none");
    }
    default:
      return null;
  }
}

/** Where a colour lies between red, yellow, green and blue of CIELAB. */
function castWord(a: number, b: number) {
  if (Math.abs(a) > Math.abs(b)) return a > 0 ? "cast.red" : "cast.green";
  return b > 0 ? "cast.yellow" : "cast.blue";
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((v) => typeof v === "number") : [];
}

/** `12 spots of dust`, `1 scratch`. */
export function markCount(kind: string, n: number): string {
  return sayIfKnown(`marks.${kind}`) ? say(`marks.${kind}` as "marks.dust", { n }) : `${n} × ${plain(kind)}`;
}
