"""The batch: overhead, scaling, the ledger at a million rows, and twenty kills.

    python benchmarks/batch.py overhead --number 1000   # batch against the bare restorations
    python benchmarks/batch.py scaling --number 200     # two processes against one
    python benchmarks/batch.py ledger --rows 1000000    # listing and planning, memory
    python benchmarks/batch.py kills --number 200       # folder to folder, killed 20 times
    python benchmarks/batch.py kills --number 200 --s3  # bucket to bucket (moto, on loopback)
    python benchmarks/batch.py executors --number 60    # Ray on this machine against processes

Each line names the load of the machine while it ran: figures of a shared machine are upper bounds
of times, and their ratios are noisy.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np


def scans(folder: Path, number: int, side: int) -> None:
    """Small crops of a damaged photograph, as PNG and JPEG, 50 a folder."""
    from PIL import Image
    from skimage import data

    from unfade.cli.demo import damage

    base = damage(data.astronaut())[0]
    for n in range(number):
        chance = np.random.default_rng(n)
        top, left = chance.integers(0, 512 - side, 2)
        path = folder / f"box {n // 50:03}" / f"scan {n:05}.{'png' if n % 3 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        piece = np.ascontiguousarray(base[top : top + side, left : left + side])
        Image.fromarray(piece).save(path)


def hashes(folder: Path) -> dict[str, str]:
    own = (".unfade", "unfade-report")
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in own
    }


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def timed_batch(source: Path, destination: Path, workers: int, executor: str = "local") -> float:
    """Wall clock of the work alone, from the first job to the last, one thread a process."""
    from unfade.batch.order import Batch, Order

    order = Order(
        source=str(source),
        destination=str(destination),
        workers=workers,
        threads=1,
        executor=executor,
    )
    with Batch(order) as batch:
        batch.plan()
        outcome = batch.work()
    if outcome.incomplete:
        raise SystemExit(f"{outcome.incomplete} failed")
    return outcome.took_s


def bare(source: Path, destination: Path) -> float:
    """``restore`` and ``save`` in a loop, in one process with one thread, as a worker has it."""
    code = (
        "import sys, time, pathlib, cv2\n"
        "import numpy as np\n"
        "from unfade import Bench, restore\n"
        "cv2.setNumThreads(1)\n"
        "source, target = map(pathlib.Path, sys.argv[1:])\n"
        "with Bench(threads=1) as bench:\n"
        "    field = np.full((64, 64, 3), 128, np.uint8)\n"
        "    restore(field, bench=bench)\n"
        "    began = time.perf_counter()\n"
        "    for path in sorted(p for p in source.rglob('*') if p.is_file()):\n"
        "        out = target / path.relative_to(source)\n"
        "        out.parent.mkdir(parents=True, exist_ok=True)\n"
        "        restore(path, bench=bench).save(out)\n"
        "    print(time.perf_counter() - began)\n"
    )
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", code, str(source), str(destination)],
        stdout=subprocess.PIPE, text=True, check=True, env=os.environ | one,
    )  # fmt: skip
    return float(done.stdout)


def cpu_s() -> float:
    """Processor time of ended children: what a shared machine cannot stretch."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def overhead(options: argparse.Namespace, folder: Path) -> None:
    source = folder / "raw"
    scans(source, options.number, options.side)
    begin = cpu_s()
    alone = bare(source, folder / "bare")
    middle = cpu_s()
    own = resource.getrusage(resource.RUSAGE_SELF)
    batch = timed_batch(source, folder / "batch", workers=1)
    mine = resource.getrusage(resource.RUSAGE_SELF)
    driver = mine.ru_utime + mine.ru_stime - own.ru_utime - own.ru_stime
    a, b = middle - begin, cpu_s() - middle + driver
    print(f"overhead at {options.number} files of {options.side} px ({load()}):")
    print(f"  wall: bare {alone:.1f} s, batch {batch:.1f} s: {batch / alone - 1:+.1%} (aim 5 %)")
    print(f"  processor: bare {a:.1f} s, batch with driver {b:.1f} s: {b / a - 1:+.1%}")


def scaling(options: argparse.Namespace, folder: Path) -> None:
    source = folder / "raw"
    scans(source, options.number, options.side)
    one = timed_batch(source, folder / "one", workers=1)
    two = timed_batch(source, folder / "two", workers=2)
    print(f"{options.number} files ({load()}): one process {one:.1f} s, two {two:.1f} s: "
          f"{one / two:.2f} x (aim 1.8)")  # fmt: skip


def executors(options: argparse.Namespace, folder: Path) -> None:
    source = folder / "raw"
    scans(source, options.number, options.side)
    local = timed_batch(source, folder / "local", workers=2)
    ray = timed_batch(source, folder / "ray", workers=2, executor="ray")
    same = hashes(folder / "local") == hashes(folder / "ray")
    print(f"{options.number} files ({load()}): processes {local:.1f} s, Ray {ray:.1f} s: "
          f"{ray / local - 1:+.0%} (aim 15 %), results "
          f"{'equal' if same else 'DIFFERENT'}")  # fmt: skip


def ledger(options: argparse.Namespace, folder: Path) -> None:
    """A real tree of empty-handed links to one file, listed from the disk."""
    source = folder / "raw"
    source.mkdir()
    began = time.perf_counter()
    for n in range(options.rows):
        if n % 1000 == 0:
            box = source / f"box {n // 1000:05}"
            box.mkdir()
            seed = box / f"scan {n:07}.tif"
            seed.write_bytes(b"one picture")
        else:
            os.link(seed, box / f"scan {n:07}.tif")
    print(f"  {options.rows} files made in {time.perf_counter() - began:.0f} s", flush=True)
    code = (
        "import sys, time, resource\n"
        "from unfade.batch.order import Batch, Order\n"
        "began = time.perf_counter()\n"
        "with Batch(Order(source=sys.argv[1], destination=sys.argv[2])) as batch:\n"
        "    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    counts = batch.plan().counts\n"
        "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(counts['planned'], time.perf_counter() - began, used.ru_utime + used.ru_stime,\n"
        "      start / 1e3, peak / 1e3)\n"
    )
    for again in ("first", "again"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(source), str(folder / "restored")],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        planned, wall, used, start, peak = done.stdout.split()
        print(f"{planned} rows, {again} ({load()}): listed and planned in {float(wall):.1f} s "
              f"({float(used):.1f} s of processor; aim 60 s); memory {float(start):.0f} MB before, "
              f"{float(peak):.0f} MB at most", flush=True)  # fmt: skip


def kills(options: argparse.Namespace, folder: Path) -> None:
    source = folder / "raw"
    scans(source, options.number, options.side)
    unbroken = folder / "unbroken"
    timed_batch(source, unbroken, workers=2)
    with store(folder, options.s3) as (start, address, environ):
        if options.s3:
            run(["upload", str(source), f"{address}raw/", *start], environ)
        raw = f"{address}raw/" if options.s3 else str(source)
        restored = f"{address}restored/" if options.s3 else str(folder / "killed")
        command = ["batch", raw, restored, "--workers", "2", "--no-report", "--quiet"]
        command += ["--ledger", str(folder / "ledger.sqlite"), *start]
        chance, killed = random.Random(20), 0
        began = time.perf_counter()
        for _ in range(options.kills):
            process = subprocess.Popen(
                [sys.executable, "-m", "unfade", *command], env=os.environ | environ,
                start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(chance.uniform(*options.between))
            except subprocess.TimeoutExpired:
                killed += 1
                process.send_signal(signal.SIGKILL)
                process.wait()
        run(command, environ)
        took = time.perf_counter() - began
        found = from_store(address, environ) if options.s3 else hashes(folder / "killed")
    expected = hashes(unbroken)
    if options.s3:  # records name their bucket; pictures and maps are compared byte for byte
        records = {name for name in expected if name.endswith(".json")}
        missing_records = records - set(found)
        expected = {name: h for name, h in expected.items() if name not in records}
        found = {name: h for name, h in found.items() if name not in records}
    else:
        missing_records = set()
    missing = len(set(expected) - set(found)) + len(missing_records)
    more = sorted(set(found) - set(expected))
    differ = sum(found.get(name) != h for name, h in expected.items() if name in found)
    where = "bucket to bucket" if options.s3 else "folder to folder"
    print(f"{where}, {options.number} files, {killed} kills at random in {took:.0f} s ({load()}): "
          f"{missing} missing, {differ} different, {len(more)} left over {more[:3]}")  # fmt: skip
    if missing or differ:
        raise SystemExit(1)


class store:  # noqa: N801  # reads as a verb: with store(...) as ...
    """moto's S3 in a process of its own, or nothing."""

    def __init__(self, folder: Path, s3: bool) -> None:
        self.s3 = s3
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> tuple[list[str], str, dict[str, str]]:
        if not self.s3:
            return [], "", {}
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("moto_server")), "-p", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        environ = {
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }  # fmt: skip
        os.environ.update(environ)
        import boto3

        for _ in range(600):
            try:
                boto3.client("s3").create_bucket(Bucket="archive")
                break
            except Exception:  # it is still starting
                time.sleep(0.2)
        return ["--endpoint", environ["AWS_ENDPOINT_URL"]], "s3://archive/", environ

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def from_store(address: str, environ: dict[str, str]) -> dict[str, str]:
    from unfade.files.places.opening import StoreOptions, open_place

    place = open_place(f"{address}restored/", StoreOptions(endpoint=environ["AWS_ENDPOINT_URL"]))
    return {
        entry.name: hashlib.sha256(place.read(entry.name)).hexdigest() for entry in place.entries()
    }


def run(command: list[str], environ: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", "unfade", *command], check=True, env=os.environ | environ)


def scratch(where: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="unfade-benchmark-", dir=where))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


WHAT = {
    "overhead": overhead,
    "scaling": scaling,
    "ledger": ledger,
    "kills": kills,
    "executors": executors,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--number", type=int, default=200, help="files")
    parser.add_argument("--side", type=int, default=200, help="of each, in pixels")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--between", type=float, nargs=2, default=(1.0, 8.0), metavar="S")
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--scratch", type=Path)
    options = parser.parse_args()
    for folder in scratch(options.scratch):
        WHAT[options.what](options, folder)


if __name__ == "__main__":
    main()
