"""The result of a restoration: the picture, its evidence map and its record; and saving them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unfade import files
from unfade.advice import Advice
from unfade.errors import PromiseBroken
from unfade.files.formats.contract import Opened, WriteOptions
from unfade.files.sidecar import evidence_path, record_path, write_record
from unfade.files.source_type import (
    ENHANCED,
    max_source_type,
    source_type_in,
    source_type_of,
    with_source_type,
)
from unfade.files.xmp import with_history
from unfade.findings import Findings
from unfade.picture import EvidenceMap, Picture
from unfade.provenance import Credentials, check_signable, manifest_of, sign_file
from unfade.record import Evidence, Record
from unfade.treatment import Treated, check_untouched
from unfade.version import VERSION

# A written file is decoded again and compared when a second copy of its samples is affordable
VERIFY_BYTES = 600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Where a result lies, and its record as written."""

    output: Path
    record_file: Path
    evidence_file: Path | None
    record: Record
    same_bytes: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """A restored picture with its proof.

    Attributes:
        picture: the result under the array contract
        evidence: (rows, cols) uint8, the class of each pixel
        record: what was done
        original: what was read; ``original.path`` is the file
        findings, advice: what was seen, and what was decided
    """

    picture: Picture
    evidence: EvidenceMap
    record: Record
    original: Opened
    findings: Findings
    advice: Advice

    @staticmethod
    def of(
        opened: Opened,
        treated: Treated,
        *,
        findings: Findings,
        advice: Advice,
        policy: str,
        rejected: tuple[str, ...],
        masks: dict[str, Any],
        only_classical: bool = False,
    ) -> Result:
        """Put together what a treatment gave with why it was chosen."""
        record = Record(
            unfade=VERSION,
            source=_source_facts(opened),
            recipe=advice.recipe.to_text(),
            recipe_sha256=advice.recipe.sha256,
            policy=policy,
            only_classical=only_classical,
            steps=treated.steps,
            left_alone=advice.left_alone,
            rejected=tuple(sorted(rejected)),
            masks=masks,
            findings=findings.to_dict(),
            warnings=opened.notes,
            changed_share=_changed_share(treated.evidence),
            untouched_sha256=treated.untouched_sha256,
            evidence_shares=_shares(treated.evidence),
        )
        return Result(
            picture=treated.picture,
            evidence=treated.evidence,
            record=record,
            original=opened,
            findings=findings,
            advice=advice,
        )

    @property
    def changed(self) -> bool:
        return bool(self.evidence.any())

    def _repr_html_(self) -> str:
        """Before and after side by side, and what was done: what a notebook shows."""
        from html import escape

        from unfade.evaluate.sheets import sheet

        both = sheet(self.original.picture, self.picture, parts=(), side_px=480)
        done = ", ".join(step.step for step in self.record.steps) or "nothing needed doing"
        says = f"{done}; {self.record.changed_share:.2%} of the pixels changed"
        return f"{both._repr_html_()}<p>{escape(says)}</p>"

    def save(
        self,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        quality: int | None = None,
        sign: Credentials | None = None,
    ) -> Saved:
        """Write the picture, its record and its evidence map; all of them or none.

        The format is that of ``target``'s extension. When nothing was changed and the format
        stays, the file is the very same bytes as the original.

        Args:
            quality: of lossy formats, when the original has no tables to keep, 1-100
            sign: put a signed C2PA manifest into the file; one in which nothing was changed stays
                the very same bytes, unsigned
        Raises:
            OutputError: it cannot be written, or exists and ``overwrite`` is False
            WouldLose: the format cannot keep what the original has
        """
        target = Path(target)
        existed = target.exists()
        same_bytes = not self.changed and files.same_format(self.original, target)
        if sign is not None and not same_bytes:
            check_signable(target)
        written: list[Path] = []
        try:
            if same_bytes:
                files.copy_original(self.original.path, target, overwrite=overwrite)
                written.append(target)
                evidence = self.evidence
            else:
                evidence = self._write(target, overwrite, quality)
                written.append(target)
                if sign is not None:
                    self._sign(target, evidence, sign)
            record = self._as_written(target, evidence, same_bytes)
            evidence_file = None
            if evidence.any():
                evidence_file = evidence_path(target)
                files.save_evidence(
                    evidence_file, evidence, self.original.header.orientation, overwrite=True
                )
                written.append(evidence_file)
            written.append(write_record(target, record, overwrite=True))
        except BaseException:
            for path in written if not existed else ():
                path.unlink(missing_ok=True)
            raise
        return Saved(
            output=target,
            record_file=record_path(target),
            evidence_file=evidence_file,
            record=record,
            same_bytes=same_bytes,
        )

    def save_in_place(
        self, *, quality: int | None = None, sign: Credentials | None = None
    ) -> Saved:
        """Put the result in the original's place, after a copy of that was laid beside it.

        The copy (``NAME.bak``) is the original from then on: ``revert`` goes back to it. When
        nothing was changed, nothing is copied and the file stays as it is.

        Raises:
            as ``save``; the original is then still in its place
        """
        path = self.original.path
        if not self.changed:
            record = self._as_written(path, self.evidence, True)
            record_file = write_record(path, record, overwrite=True)
            return Saved(
                output=path,
                record_file=record_file,
                evidence_file=None,
                record=record,
                same_bytes=True,
            )
        backup = files.back_up(path)
        kept = replace(self, original=replace(self.original, path=backup))
        try:
            return kept.save(path, overwrite=True, quality=quality, sign=sign)
        except BaseException:
            os.replace(backup, path)  # whether or not the result already lay there
            raise

    def _write(self, target: Path, overwrite: bool, quality: int | None) -> EvidenceMap:
        xmp = with_history(
            self.original.blocks.xmp,
            action="restored",
            parameters=f"recipe sha256:{self.record.recipe_sha256}; "
            + ", ".join(step.step for step in self.record.steps),
            software=f"unfade {VERSION}",
        )
        source_type = self._source_type()
        if source_type is not None:
            xmp = with_source_type(xmp, source_type)
        evidence = files.save_picture(
            target,
            self.picture,
            self.original,
            evidence=self.evidence,
            options=WriteOptions(xmp=xmp, quality=quality),
            overwrite=overwrite,
        )
        if evidence is None:  # coded again as a whole by a lossy format
            evidence = np.maximum(self.evidence, np.uint8(Evidence.ESTIMATED))
        return evidence

    def _sign(self, target: Path, evidence: EvidenceMap, sign: Credentials) -> None:
        word = self._source_type(evidence)
        manifest = manifest_of(
            self.record, evidence, title=target.name, source_type=word or ENHANCED
        )
        original = None if self.original.header.format == "array" else self.original.path
        sign_file(target, manifest, sign, original=original)

    def _source_type(self, evidence: EvidenceMap | None = None) -> str | None:
        """What the evidence calls for, over what the original admits."""
        classes = {int(k) for k in np.unique(self.evidence if evidence is None else evidence)}
        networks = any(step.model for step in self.record.steps)
        wanted = source_type_of(classes, networks=networks)
        before = source_type_in(self.original.blocks.xmp)
        # a packet that cannot be parsed is written anew: what it admitted must not be lost
        return max_source_type(wanted, before)

    def _as_written(self, target: Path, evidence: EvidenceMap, same_bytes: bool) -> Record:
        """The record of the file that now lies at ``target``."""
        sha256 = file_sha256(target)
        untouched = self.record.untouched_sha256
        verified = same_bytes
        if not same_bytes:
            untouched, verified = self._verify(target, evidence)
        source = dict(self.record.source)
        if source.get("sha256"):
            source["path"] = os.path.relpath(self.original.path, target.parent)
        masks = {
            name: facts | {"path": os.path.relpath(facts["path"], target.parent)}
            if facts.get("path")
            else facts
            for name, facts in self.record.masks.items()
        }
        return replace(
            self.record,
            source=source,
            masks=masks,
            output={
                "name": target.name,
                "sha256": sha256,
                "bytes": target.stat().st_size,
                "rows": self.picture.rows,
                "cols": self.picture.cols,
                "same_bytes_as_source": same_bytes,
                "verified": verified,
            },
            changed_share=_changed_share(evidence),
            untouched_sha256=untouched,
            evidence_shares=_shares(evidence),
        )

    def _verify(self, target: Path, evidence: EvidenceMap) -> tuple[str, bool]:
        """Decode the written file and compare every sample outside the map with the original.

        Returns:
            hash over the untouched samples, and whether the file itself was compared
        """
        before = self.original.picture
        if evidence.shape != before.samples.shape[:2]:
            return "", False
        if before.samples.nbytes > VERIFY_BYTES:
            return check_untouched(before, self.picture, evidence), False
        after = files.open_picture(target, page=self.original.page or None).picture
        if after.samples.dtype != before.samples.dtype or after.channels != before.channels:
            return check_untouched(before, self.picture, evidence), False
        try:
            return check_untouched(before, after, evidence), True
        except PromiseBroken:
            target.unlink()
            raise


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _source_facts(opened: Opened) -> dict[str, Any]:
    header = opened.header
    facts: dict[str, Any] = {
        "name": opened.path.name,
        "format": header.format,
        "rows": opened.picture.rows,
        "cols": opened.picture.cols,
        "bits": header.bits,
        "colour": header.colour,
        "page": opened.page if header.pages > 1 else None,
    }
    if header.format != "array":
        facts["bytes"] = opened.path.stat().st_size
        facts["sha256"] = file_sha256(opened.path)
    return facts


def _changed_share(evidence: EvidenceMap) -> float:
    return float(np.count_nonzero(evidence)) / evidence.size


def _shares(evidence: EvidenceMap) -> dict[str, float]:
    """Evidence class -> share of the picture, for the classes that occur."""
    counts = np.zeros(len(Evidence), np.int64)
    for top in range(0, evidence.shape[0], 256):  # bincount makes eight bytes of each
        counts += np.bincount(evidence[top : top + 256].ravel(), minlength=len(Evidence))
    return {
        kind.name.lower(): float(counts[kind]) / evidence.size for kind in Evidence if counts[kind]
    }
