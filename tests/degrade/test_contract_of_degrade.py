"""What every degradation keeps: same seed same bits, exact masks, shapes, both libraries."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from degrade_scenes import chw, scene

from unfade.degrade import (
    DamageClass,
    DegradationRecipe,
    carry_out,
    degradations,
    degrade,
    degrade_batch,
    draw_plan,
    load_degradation,
)


@pytest.mark.parametrize("name", degradations())
def test_same_seed_same_bits_alone_or_in_any_batch(name: str) -> None:
    pixels, recipe = scene(), load_degradation(name)
    batch = np.stack([chw(scene(seed=n)) for n in range(3)])
    together = degrade_batch(batch, recipe, [5, 6, 7])
    alone = degrade(scene(seed=1), recipe, 6)
    assert np.array_equal(chw(alone.pixels), together.pixels[1])
    assert np.array_equal(alone.classes, together.classes[1])
    assert alone.parameters == together.parameters[1]
    assert not np.array_equal(degrade(pixels, recipe, 8).pixels, degrade(pixels, recipe, 9).pixels)


@pytest.mark.parametrize("name", degradations())
def test_torch_gives_what_numpy_gives(name: str) -> None:
    batch = np.stack([chw(scene(seed=n)) for n in range(6)])
    recipe = load_degradation(name)
    host = degrade_batch(batch, recipe, range(6))
    device = degrade_batch(torch.from_numpy(batch), recipe, range(6))
    assert np.abs(host.pixels - device.pixels.numpy()).max() < 1e-4
    assert np.array_equal(host.mask, device.mask.numpy())
    assert np.array_equal(host.classes, device.classes.numpy())
    assert host.parameters == device.parameters


@pytest.mark.parametrize("seed", range(8))
def test_outside_the_mask_only_the_global_parts_have_acted(seed: int) -> None:
    recipe = load_degradation("old-photo")
    # coding works on blocks: what is in a block changes all of it, so it is left out here
    kept = tuple(s for s, k in zip(recipe.stages, recipe.kinds) if k != "jpeg")
    recipe = replace(recipe, stages=kept)
    pixels = scene()
    out = degrade(pixels, recipe, seed)
    plan = draw_plan(recipe, seed, *pixels.shape)
    clean = carry_out(chw(pixels)[None], [plan.without_marks()]).pixels[0]
    apart = np.abs(chw(out.pixels) - clean).max(axis=0)
    assert apart[~out.mask].max(initial=0) <= 2 / 255
    assert (apart[out.mask] > 0).mean() > 0.5 or not out.mask.any()


def test_classes_lie_exactly_in_the_mask_and_items_in_their_boxes() -> None:
    out = degrade(scene(300, 400), "old-photo", 5)
    assert out.mask.any()
    assert np.array_equal(out.classes > 0, out.mask)
    assert set(np.unique(out.classes)) - {0} <= {int(i.damage_class) for i in out.items}
    for item in out.items:
        assert 0 <= item.box.top < item.box.bottom <= 300
        assert 0 <= item.box.left < item.box.right <= 400
        assert item.damage_class is not DamageClass.NONE


def test_an_empty_recipe_changes_nothing_and_the_input_is_not_written_to() -> None:
    pixels = scene()
    before = pixels.copy()
    out = degrade(pixels, DegradationRecipe(), 1)
    assert np.array_equal(out.pixels, pixels)
    assert not out.mask.any()
    degrade(pixels, "old-photo", 1)
    assert np.array_equal(pixels, before)


def test_plans_drawn_in_another_process_give_the_same_bits() -> None:
    recipe, batch = load_degradation("old-photo"), np.stack([chw(scene(seed=n)) for n in range(2)])
    plans = [draw_plan(recipe, seed, 120, 160) for seed in (4, 5)]
    sent = pickle.loads(pickle.dumps(plans))
    direct = degrade_batch(batch, recipe, [4, 5])
    later = carry_out(batch.copy(), sent)
    assert np.array_equal(direct.pixels, later.pixels)
    assert direct.items == later.items


def test_the_bits_do_not_depend_on_threads() -> None:
    code = (
        "import hashlib, numpy as np, cv2, sys; cv2.setNumThreads(int(sys.argv[1]));"
        "from unfade.degrade import degrade;"
        "x = np.random.default_rng(0).random((300, 700, 3), np.float32);"
        "print([hashlib.sha256(degrade(x, seed=s).pixels.tobytes()).hexdigest() for s in (1, 3)])"
    )
    seen = set()
    for threads in ("1", "4"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads}
        ran = subprocess.run(
            [sys.executable, "-c", code, threads],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seen.add(ran.stdout)
    assert len(seen) == 1


def test_importing_it_pulls_in_no_torch_and_no_opencv() -> None:
    code = (
        "import sys, unfade.degrade, unfade.degrade.kinds;"
        "print(sorted({'torch', 'cv2', 'scipy'} & set(sys.modules)));"
        "import numpy; unfade.degrade.degrade(numpy.full((40, 50, 3), .5, 'f4'));"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["[]", "False"]
