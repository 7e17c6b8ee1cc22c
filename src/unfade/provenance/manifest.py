"""What a manifest says: actions and their digital source type, as the evidence has it.

Source: C2PA Technical Specification 2.1, actions and ingredients; IPTC NewsCodes.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from unfade.errors import PromiseBroken
from unfade.files.source_type import COMPOSITE, PREFIX
from unfade.picture import EvidenceMap
from unfade.record import Evidence, Record, StepRecord
from unfade.version import VERSION

ORIGINAL = "original"
FACTS = "io.unfade.evidence"
_TONAL = ("adjust_tone", "correct_", "invert_negative", "equalise")
_ADMITS = (COMPOSITE, "trainedAlgorithmicMedia")


def manifest_of(
    record: Record, evidence: EvidenceMap, *, title: str, source_type: str
) -> dict[str, Any]:
    """The manifest's definition for a picture that was changed.

    Args:
        record: of the treatment
        evidence: of the picture as written, the map that goes beside it
        title: the file's name
        source_type: the word that the evidence and the original call for together
    Raises:
        PromiseBroken: it would say less than the evidence holds
    """
    agent = {"name": "unfade", "version": VERSION}
    actions: list[dict[str, Any]] = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": [ORIGINAL]}}
    ]
    for step in record.steps:
        if not step.changed_share and not step.items:
            continue
        made_up = step.model or step.evidence == Evidence.INVENTED
        word = COMPOSITE if made_up else source_type
        actions.append(
            {
                "action": _action(step),
                "softwareAgent": agent,
                "digitalSourceType": PREFIX + word,
                "description": f"{step.step}: {Evidence(step.evidence).name.lower()}, "
                f"{step.changed_share:.2%} of the pixels",
            }
        )
    # the whole, whatever single steps say: it is this that a reader shows
    actions.append(
        {
            "action": "c2pa.edited",
            "softwareAgent": agent,
            "digitalSourceType": PREFIX + source_type,
            "description": "Restored with unfade; the evidence map lies beside the file.",
        }
    )
    manifest = {
        "claim_generator_info": [agent],
        "title": title,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": FACTS, "data": _facts(record, evidence)},
        ],
    }
    check_honest(manifest, evidence)
    return manifest


def check_honest(manifest: dict[str, Any], evidence: EvidenceMap) -> None:
    """Refuse a manifest that hides invented content.

    Raises:
        PromiseBroken: the map holds class 4 and the whole is not said to come of a trained model
    """
    if not np.any(evidence == Evidence.INVENTED):
        return
    words = [
        action.get("digitalSourceType", "").rpartition("/")[2]
        for assertion in manifest["assertions"]
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"]["actions"]
    ]
    shares = [
        assertion["data"]["evidence_shares"].get("invented", 0)
        for assertion in manifest["assertions"]
        if assertion["label"] == FACTS
    ]
    if not words or words[-1] not in _ADMITS or not shares or not shares[0]:
        raise PromiseBroken(
            "The picture holds invented content (class 4) and its label would not say so.",
            "Nothing was signed. Please report this.",
        )


def _facts(record: Record, evidence: EvidenceMap) -> dict[str, Any]:
    """The proof in figures: hashes of original, untouched samples, recipe and evidence map."""
    counts = np.bincount(evidence.ravel(), minlength=len(Evidence))
    return {
        "original_sha256": record.source.get("sha256", ""),
        "recipe_sha256": record.recipe_sha256,
        "policy": record.policy,
        "evidence_sha256": hashlib.sha256(np.ascontiguousarray(evidence).tobytes()).hexdigest(),
        "evidence_shares": {
            kind.name.lower(): float(counts[kind]) / evidence.size
            for kind in Evidence
            if counts[kind]
        },
    }


def _action(step: StepRecord) -> str:
    if step.step == "upscale":
        return "c2pa.resized"
    if step.step == "colorize" or step.step.startswith(_TONAL):
        return "c2pa.color_adjustments"
    return "c2pa.edited"
