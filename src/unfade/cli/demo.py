"""``unfade demo``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from unfade.cli import console

SEED = 1969  # one damage for everyone, so that its figures can be compared


@click.command("demo")
@click.option("-o", "--output", default="unfade-demo", metavar="DIR", help="Where to write.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(output: str, as_json: bool) -> None:
    """Damage a sample photograph as years in a drawer do, and restore it.

    The photograph is NASA's portrait of Eileen Collins, in the public domain, as scikit-image
    ships it. It is restored twice: by the eyes of unfade alone, which leave what they are not
    sure of, and with a mask as one paints it over what was left. Written to DIR: damaged.png,
    mask.png, damaged-restored.png and damaged-by-mask.png with their records and evidence maps,
    and before-after.jpg with all three side by side.
    """
    from PIL import Image

    from unfade.engines.bench import Bench
    from unfade.journey import compare, restore
    from unfade.needs import need

    data = need("skimage.data", extra="demo", to="show the sample photograph")
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    sound = data.astronaut()
    damaged, truth = damage(sound)
    source, mask = folder / "damaged.png", folder / "mask.png"
    Image.fromarray(damaged).save(source)
    Image.fromarray(truth).save(mask)
    with console.progress(not as_json) as bar, Bench(progress=bar) as bench:
        alone = restore(source, bench=bench)
        alone.save(folder / "damaged-restored.png", overwrite=True)
        masked = restore(source, mask=mask, bench=bench)
        masked.save(folder / "damaged-by-mask.png", overwrite=True)
    touched = alone.evidence > 0
    facts = {
        "psnr_damaged_db": round(compare(sound, damaged).psnr_db or 0.0, 2),
        "psnr_by_itself_db": round(compare(sound, alone.picture.samples).psnr_db or 0.0, 2),
        "psnr_by_mask_db": round(compare(sound, masked.picture.samples).psnr_db or 0.0, 2),
        "damage_mended_by_itself": round(float((touched & truth).sum() / truth.sum()), 4),
        "repairs_by_itself": len(alone.record.items),
        "look_at": str(folder / "before-after.jpg"),
    }
    sheet = np.concatenate([damaged, alone.picture.samples, masked.picture.samples], axis=1)
    Image.fromarray(sheet).save(folder / "before-after.jpg", quality=90)
    if as_json:
        console.show_json(facts)
        return
    for name, value in facts.items():
        console.show(f"{name:<28} {value}")


def damage(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scratches, dust and hairs over a sound picture.

    Args:
        sound: (rows, cols, 3) uint8
    Returns:
        the damaged picture, and the mask (rows, cols) bool of what was laid over it
    """
    import cv2

    rng = np.random.default_rng(SEED)
    rows, cols = sound.shape[:2]
    light, dark = np.zeros((rows, cols), np.uint8), np.zeros((rows, cols), np.uint8)
    for _ in range(5):  # scratches from edge to edge, wandering a little
        steps = np.linspace(0, 1, 40)
        wander = np.cumsum(rng.normal(0, 0.8, 40))
        x = rng.uniform(0, cols) + steps * rng.uniform(-60, 60) + wander
        line = np.stack([x, steps * rows], axis=1)
        cv2.polylines(light, [np.int32(line * 8)], False, 255, 1, cv2.LINE_AA, 3)
    for layer, number in ((light, 60), (dark, 40)):  # dust of all sizes
        for _ in range(number):
            centre = (int(rng.uniform(0, cols) * 8), int(rng.uniform(0, rows) * 8))
            cv2.circle(layer, centre, int(rng.gamma(2, 0.9) * 8 + 6), 255, -1, cv2.LINE_AA, 3)
    for _ in range(6):  # hairs
        turn = np.cumsum(rng.normal(0, 0.12, 30)) + rng.uniform(0, 2 * np.pi)
        path = np.cumsum(np.stack([np.cos(turn), np.sin(turn)], axis=1) * 2.5, axis=0)
        path += (rng.uniform(0, cols), rng.uniform(0, rows))
        cv2.polylines(dark, [np.int32(path * 8)], False, 255, 1, cv2.LINE_AA, 3)
    opacity_light = light[:, :, None] / 255.0 * 0.9
    opacity_dark = dark[:, :, None] / 255.0 * 0.85
    damaged = sound * (1 - opacity_light) + 235 * opacity_light
    damaged = damaged * (1 - opacity_dark) + 24 * opacity_dark
    # every pixel that was laid over, the faint borders of strokes as well
    return np.rint(damaged).astype(np.uint8), (light > 0) | (dark > 0)
