"""How long `unfade --help` takes beside `import numpy`, and what `import unfade` pulls in.

python benchmarks/start.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

HEAVY = ("torch", "onnxruntime", "cv2", "scipy", "ncnn", "PIL", "tifffile", "imagecodecs")
RUNS = 15


def seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    numpy = [sys.executable, "-c", "import numpy"]
    help_ = [sys.executable, "-m", "unfade", "--help"]
    pairs = [(seconds(numpy), seconds(help_)) for _ in range(RUNS)]  # side by side, interleaved
    ratios = [b / a for a, b in pairs]
    print(f"import numpy    {statistics.median(a for a, _ in pairs) * 1000:6.0f} ms")
    print(f"unfade --help   {statistics.median(b for _, b in pairs) * 1000:6.0f} ms")
    print(f"ratio           {statistics.median(ratios):6.2f}   (limit 4)")
    code = f"import sys, unfade; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
    print(f"heavy modules after `import unfade`: {loaded}")


if __name__ == "__main__":
    main()
