"""Pictures larger than memory: a tonal and a local recipe in a process that may take 2 GB.

    python benchmarks/gigapixel.py --side 40000 --scratch /tmp

A tiled BigTIFF of SIDE x SIDE x 3 x 16 bit is made (a few kinds of tiles, so that it is small on
the disk), with dust. Each recipe runs in a process of its own whose private memory the kernel
bounds (RLIMIT_DATA); printed are time, the peak of private memory and of all resident memory.
With --check the same is done in memory, and the samples, evidence and records compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

TILE = 512
KINDS = 8
RECIPES = {
    "tonal": 'format = 1\n[[step]]\nuse = "adjust_tone"\ngamma = 1.2\n',
    "retouch": 'format = 1\n[[step]]\nuse = "inpaint"\n',  # 400 marks by hand
    "local": 'format = 1\n[[step]]\nuse = "remove_dust"\n',  # found by the eyes: much slower
}
CHILD = """
import json, resource, sys, threading, time
limit, source, target, recipe, scratch, above = sys.argv[1:]
from unfade.engines.bench import Bench
from unfade.files.limits import Limits
from unfade.journey import restore
from unfade.pixels.room import on_disk
from unfade.recipe import parse_recipe
if int(limit):
    resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
peak = {"RssAnon": 0, "VmRSS": 0, "VmData": 0}
def watch():
    while True:
        for line in open("/proc/self/status"):
            name = line.split(":")[0]
            if name in peak:
                peak[name] = max(peak[name], int(line.split()[1]) * 1024)
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
said = [0.0]
def progress(says, done, total):
    if time.time() - said[0] > 60:
        said[0] = time.time()
        print(f"  {says}: {done} of {total}", file=sys.stderr, flush=True)
began = time.time()
bench = Bench(memory_bytes=400_000_000, progress=progress)
limits = Limits(area_mpx=4000)
def retouch(source, recipe):
    # a retoucher's list of spots instead of a look at everything
    import numpy as np
    from unfade import files
    from unfade.advice import Advice
    from unfade.findings import Findings, Mark, MarkKind, Marks, Region
    from unfade.picture import Window
    from unfade.result import Result
    from unfade.treatment import treat
    opened = files.open_picture(source, limits=limits)
    chance = np.random.default_rng(1)
    side = min(opened.picture.rows, opened.picture.cols) - 60
    spots = [Window(t, l, t + 12, l + 12) for t, l in chance.integers(0, side, (400, 2)).tolist()]
    marks = tuple(Mark(kind=MarkKind.USER, region=Region.of(np.ones((12, 12), bool), w))
        for w in sorted(set(spots)))
    findings = Findings(marks=Marks(says="A list by hand.", confidence=1.0, items=marks))
    treated = treat(opened.picture, recipe.steps, findings=findings, bench=bench)
    return Result.of(opened, treated, findings=findings, advice=Advice(recipe=recipe, reasons={}),
        policy="family", rejected=(), masks={})
with on_disk(scratch, above_bytes=int(above)), bench:
    recipe = parse_recipe(recipe)
    if recipe.step_names == ("inpaint",):
        result = retouch(source, recipe)
    else:
        result = restore(source, recipe=recipe, bench=bench, limits=limits)
    middle = time.time()
    saved = result.save(target, overwrite=True)
print(json.dumps({"s": time.time() - began, "save_s": time.time() - middle, **peak,
    "changed_share": saved.record.changed_share, "items": len(saved.record.items)}))
"""


def tiles() -> list[bytes]:
    """A few kinds of tiles: shading with grain, some with dust."""
    chance = np.random.default_rng(0)
    cols = np.arange(TILE, dtype=np.float32) / TILE
    made = []
    for kind in range(KINDS):
        shade = 20000 + 1000 * kind + 9000 * np.sin(6.28 * cols)
        grain = chance.normal(0, 150, (8, TILE, 1))  # again every 8 rows, so that it packs well
        pixels = np.tile(shade[None, :, None] + grain, (TILE // 8, 1, 3)) * (1.0, 0.95, 0.9)
        for _ in range(kind % 3):
            top, left = chance.integers(40, TILE - 60, 2)
            size = int(chance.integers(4, 9))
            pixels[top : top + size, left : left + size] = 62000
        codes = np.clip(pixels, 0, 65535).astype("<u2")
        made.append(zlib.compress(codes.tobytes(), 1))
    return made


def make(path: Path, side: int) -> None:
    import tifffile

    kinds, count = tiles(), -(-side // TILE)

    def each() -> Iterator[bytes]:
        for number in range(count * count):
            yield kinds[number * 7 % KINDS]

    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        writer.write(
            each(), shape=(side, side, 3), dtype="uint16", tile=(TILE, TILE),
            compression="zlib", photometric="rgb", resolution=(600, 600), metadata=None,
        )  # fmt: skip


def run(source: Path, target: Path, recipe: str, options: argparse.Namespace, disk: bool) -> dict:
    limit = int(options.limit_gb * 1e9) if disk else 0
    above = 50_000_000 if disk else 10**15
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(limit), str(source), str(target), RECIPES[recipe],
         str(options.scratch), str(above)],
        stdout=subprocess.PIPE, text=True, check=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--side", type=int, default=40_000)
    parser.add_argument("--scratch", type=Path, required=True, help="about 25 GB for 40,000")
    parser.add_argument("--recipe", choices=RECIPES, action="append")
    parser.add_argument("--limit-gb", type=float, default=2.0)
    parser.add_argument("--check", action="store_true", help="also in memory, and compare")
    options = parser.parse_args()
    names = "-".join(options.recipe or RECIPES)
    source = options.scratch / f"giant-{options.side}-{names}-source.tif"
    began = time.time()
    make(source, options.side)
    pixels = options.side**2
    print(f"{options.side} x {options.side} x 3 x 16 bit: {pixels * 6 / 1e9:.1f} GB of samples, "
          f"{source.stat().st_size / 1e6:.0f} MB on the disk, made in {time.time() - began:.0f} s; "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    for recipe in options.recipe or RECIPES:
        target = options.scratch / f"giant-{options.side}-{recipe}.tif"
        facts = run(source, target, recipe, options, disk=True)
        print(f"{recipe}: {facts['s']:.0f} s ({facts['save_s']:.0f} of them writing), "
              f"{pixels / facts['s'] / 1e6:.2f} MP/s; private {facts['RssAnon'] / 1e6:.0f} MB, "
              f"resident {facts['VmRSS'] / 1e6:.0f} MB, reserved "
              f"{facts['VmData'] / 1e6:.0f} MB; "
              f"{facts['items']} repairs, {facts['changed_share']:.2%} changed",
              flush=True)  # fmt: skip
        if options.check:
            other = target.with_name(f"memory-{target.name}")
            facts = run(source, other, recipe, options, disk=False)
            same = sha(other) == sha(target)
            print(f"  in memory: {facts['s']:.0f} s, resident {facts['VmRSS'] / 1e6:.0f} MB; "
                  f"the files are {'equal' if same else 'DIFFERENT'}")  # fmt: skip
            if not same:
                raise SystemExit(1)


if __name__ == "__main__":
    main()
