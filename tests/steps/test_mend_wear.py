"""Mend wear: only what is sure and narrow, each place to be taken back; unasked only if
the print is worn all over."""

from __future__ import annotations

import numpy as np
import pytest

import unfade
from seven import neutral_changes_nothing, photo
from unfade.errors import UsageError
from unfade.findings import Findings, Mark, MarkKind, Region, Wear
from unfade.picture import Window
from unfade.record import Evidence
from unfade.steps.mend_wear import STEP, Settings, chosen_wear


def place(top: int, rows: int, cols: int, confidence: float) -> Mark:
    window = Window(top, 20, top + rows, 20 + cols)
    return Mark(
        kind=MarkKind.WEAR, region=Region.of(np.ones((rows, cols), bool), window),
        confidence=confidence,
    )  # fmt: skip


FOUND = Findings(
    wear=Wear(
        says="", confidence=0.8, items=(place(20, 3, 60, 0.9), place(40, 3, 60, 0.65),
                                        place(60, 40, 60, 0.95)),
    )
)  # fmt: skip


def cracked() -> np.ndarray:
    """A photograph with three bright lines, uint8."""
    samples = photo(160, 200).samples.copy()
    for row in (40, 80, 120):
        samples[row : row + 3, 10:190] = 250
    return samples


def test_the_unsure_and_the_wide_are_left() -> None:
    assert [m.region.window.top for m in chosen_wear(FOUND, Settings())] == [19]
    assert len(chosen_wear(FOUND, Settings(min_confidence=0.6))) == 2
    assert len(chosen_wear(FOUND, Settings(max_width_px=100))) == 2
    assert chosen_wear(Findings(), Settings()) == ()


def test_neutral_settings_change_nothing() -> None:
    neutral_changes_nothing(STEP, Settings(max_width_px=0), FOUND)


def test_it_is_done_when_asked_for_and_taken_back_place_by_place() -> None:
    samples = cracked()
    by_itself = unfade.restore(samples)
    assert "mend_wear" not in by_itself.record.recipe
    result = unfade.restore(samples, recipe="worn-print")
    items = [i for i in result.record.items if i.kind == "wear" and i.made]
    assert items
    step = next(s for s in result.record.steps if s.step == "mend_wear")
    assert step.evidence == Evidence.ESTIMATED
    without = unfade.restore(samples, recipe="worn-print", rejected=[items[0].key])
    top, _, rows, _ = items[0].box
    changed = (without.picture.samples != result.picture.samples).any(axis=2)
    assert changed.any()
    assert not np.delete(changed, np.s_[max(0, top - 2) : top + rows + 2], axis=0).any()


def test_classical_methods_alone_leave_it_out() -> None:
    with pytest.raises(UsageError, match="mend_wear"):
        unfade.restore(cracked(), recipe="worn-print", only_classical=True)


def test_with_too_little_memory_it_says_so_and_the_rest_of_advice_goes_on() -> None:
    from unfade import Bench
    from unfade.errors import OutOfResources

    samples = np.tile(cracked(), (2, 2, 1))
    with Bench(memory_bytes=15_000_000) as bench:
        by_itself = unfade.restore(samples, bench=bench)
        assert "needs" in by_itself.record.findings["wear"]["hindered"]
        with pytest.raises(OutOfResources, match="mend_wear"):
            unfade.restore(samples, only=["mend_wear"], bench=bench)
        with pytest.raises(OutOfResources, match="cannot tell where"):
            unfade.restore(samples, recipe="worn-print", bench=bench)
        assert "needs" in by_itself.record.findings["marks"]["hindered"]
        assert any("dust and scratches: " in said for said in by_itself.record.left_alone)
        with pytest.raises(OutOfResources, match="remove_dust"):
            unfade.restore(samples, only=["remove_dust"], bench=bench)
