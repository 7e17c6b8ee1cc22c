"""Rules for blur: undone only where its shape and size are beyond doubt."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, sure
from unfade.findings import Findings

# on 162 photographs of the training set, sharp, half sharp, or softened without zeros, none reaches
# this; of those with one defocus or movement all over, 6 of 10 do
BEYOND_DOUBT = 0.97


def blur(findings: Findings, wishes: Wishes) -> None:
    found = findings.blur
    if found is not None and found.kind is not None:
        known_noise = findings.noise is not None and findings.noise.sigma is not None
        if sure(found, BEYOND_DOUBT) and known_noise:
            wishes.want("deblur", found.says)
        else:
            why = "not sure enough" if known_noise else "the noise could not be measured"
            wishes.leave(f"blur: {why} to undo it. {found.says} Use `--only deblur` to try.")
    elif findings.sharpness is not None and findings.sharpness.blurred:
        wishes.leave("blur: what was not sharp is not made up. Use `--only sharpen` to accent it.")


RULES: tuple[Rule, ...] = (blur,)
