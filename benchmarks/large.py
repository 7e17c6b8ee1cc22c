"""Time and peak memory of `unfade restore` on large files, each in a process of its own.

    python benchmarks/large.py            # 12-megapixel JPEG and 200-megapixel 16-bit TIFF
    python benchmarks/large.py --small    # the JPEG alone

The pictures are made here: a photograph that scikit-image ships, enlarged, with grain, dust and
scratches, so that the default recipe has work to do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def scan(rows: int, cols: int, seed: int = 0) -> np.ndarray:
    """A (rows, cols, 3) uint8 photograph with a little dust and some scratches."""
    import cv2
    from skimage import data

    rng = np.random.default_rng(seed)
    picture = cv2.resize(data.coffee(), (cols, rows), interpolation=cv2.INTER_CUBIC)
    for top in range(0, rows, 1000):  # fine grain, in bands: the picture may be very large
        band = picture[top : top + 1000]
        grain = rng.normal(0, 2.0, (band.shape[0], cols, 1)).astype(np.float32)
        band[:] = np.clip(band + grain, 0, 255)
    for _ in range(rows * cols // 60_000):
        centre = (int(rng.integers(cols)), int(rng.integers(rows)))
        cv2.circle(picture, centre, int(rng.integers(2, 7)), (240, 240, 238), -1, cv2.LINE_AA)
    for _ in range(6):
        x = rng.uniform(0, cols) + np.cumsum(rng.normal(0, 3, 50))
        line = np.stack([x, np.linspace(0, rows, 50)], axis=1).astype(np.int32)
        cv2.polylines(picture, [line], False, (235, 235, 235), 3, cv2.LINE_AA)
    return picture


def measure(arguments: list[str]) -> tuple[float, float, str]:
    """Seconds, peak megabytes (the kernel's VmHWM of the child) and its standard output."""
    code = (
        "import sys, unfade.cli\n"
        "def peak():\n"
        "    text = open('/proc/self/status').read()\n"
        "    return int(text.split('VmHWM:')[1].split()[0]) / 1000\n"
        "try:\n"
        "    unfade.cli.main(sys.argv[1:])\n"
        "finally:\n"
        "    print(f'PEAK {peak():.0f}', file=sys.stderr)\n"
    )
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(done.stderr)
    return took, float(done.stderr.split("PEAK ")[1].split()[0]), done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="only the 12-megapixel JPEG")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        jpeg = Path(folder) / "scan12.jpg"
        from PIL import Image

        Image.fromarray(scan(3000, 4000)).save(jpeg, quality=92)
        report(jpeg, "12 MP JPEG, default recipe", "limit 60 s, 1500 MB")
        if options.small:
            return
        import tifffile

        tiff = Path(folder) / "scan200.tif"
        tifffile.imwrite(
            tiff, scan(12_500, 16_000).astype(np.uint16) * 257, photometric="rgb", rowsperstrip=64
        )
        report(tiff, "200 MP 16-bit TIFF, default recipe", "limit 4000 MB")


def report(path: Path, title: str, limit: str) -> None:
    took, peak, said = measure(["restore", str(path), "--overwrite"])
    print(f"{title}: {took:.1f} s, {peak:.0f} MB ({limit})")
    print("  " + said.split("PEAK")[0].strip().replace("\n", "\n  "))


if __name__ == "__main__":
    main()
