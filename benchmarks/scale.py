"""What ten million scans would take: a cost model from measured inputs, and a simulation.

    python benchmarks/scale.py measure --out inputs.json   # processor seconds a megapixel, here
    python benchmarks/scale.py simulate --inputs inputs.json --scans 10000000 --nodes 64

``measure`` takes processor time, not wall clock, so that a shared machine does not stretch it.
``simulate`` is a queue of discrete events: every core of every node takes the next scan, fetches,
works, puts; requests to S3 wait when a prefix's rate is used up; nodes are lost at random with
what they work on, and come back. Prices are arguments.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

HOUR_S = 3600.0


# -- measuring ----------------------------------------------------------------------------------


def measure(options: argparse.Namespace) -> None:
    import cv2
    import tifffile
    from large import scan

    from unfade import Bench, restore
    from unfade.batch.ledger import Chosen, Ledger, Row
    from unfade.condition import look_at
    from unfade.files import open_picture
    from unfade.recipe import parse_recipe

    cv2.setNumThreads(1)
    side = options.side
    mpx = side * side / 1e6
    inputs: dict[str, Any] = {"side_px": side, "load": os.getloadavg()[0], "steps": {}}
    with tempfile.TemporaryDirectory() as folder, Bench(threads=1) as bench:
        path = Path(folder) / "scan.tif"
        samples = scan(side, side).astype(np.uint16) * 257
        tifffile.imwrite(path, samples, photometric="rgb", compression="zlib", rowsperstrip=64)
        inputs["bytes_a_mpx"] = path.stat().st_size / mpx
        opened, inputs["read"] = took(lambda: open_picture(path), mpx)
        _, inputs["look"] = took(lambda: look_at(opened.picture, bench), mpx)
        for name in options.steps:
            recipe = parse_recipe(f'format = 1\n[[step]]\nuse = "{name}"\n')
            _, whole = took(lambda recipe=recipe: restore(path, recipe=recipe, bench=bench), mpx)
            inputs["steps"][name] = max(0.0, whole - inputs["read"])
        result, inputs["restore"] = took(lambda: restore(path, bench=bench), mpx)
        _, inputs["save"] = took(lambda: result.save(Path(folder) / "out.tif", overwrite=True), mpx)
        ledger = Ledger(str(Path(folder) / "ledger.sqlite"))
        rows = [Row(name=f"{n:06}", target=f"{n:06}") for n in range(20_000)]
        _, plan = took(lambda: ledger.plan(rows, 1), len(rows))

        def turn() -> None:
            for _ in range(500):
                for row in ledger.claim(1, Chosen(), 1):
                    ledger.settle([row])

        _, settle = took(turn, 500)
        inputs["plan_s"], inputs["settle_s"] = plan, settle
        ledger.close()
    text = json.dumps(inputs, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text)


def took(call: Any, units: float) -> tuple[Any, float]:
    """What a call returns, and its processor seconds for each unit; the better of two."""
    times = []
    for _ in range(2):
        began = time.process_time()
        found = call()
        times.append((time.process_time() - began) / units)
    return found, min(times)


# -- simulating ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What is rented, and how it fails."""

    nodes: int = 64
    cores: int = 16
    node_gbit_s: float = 10.0  # shared by its cores
    loss_a_node_hour: float = 0.01  # spot nodes taken back
    back_after_s: float = 300.0
    start_s: float = 60.0  # of a fresh node: Python, libraries, networks
    s3_get_a_prefix_s: float = 5500.0
    s3_put_a_prefix_s: float = 3500.0
    prefixes: int = 16
    s3_latency_s: float = 0.05
    node_hour: float = 0.70
    gets_1000: float = 0.0004
    puts_1000: float = 0.005


@dataclass(frozen=True, kw_only=True)
class Scans:
    """What is restored: log-normal sizes."""

    number: int = 10_000_000
    median_mpx: float = 20.0
    spread: float = 0.6  # standard deviation of the logarithm
    gpu_s_a_mpx: float = 0.0  # of networks, when their figure is known


@dataclass
class Simulated:
    hours: float = 0.0
    redone: int = 0
    nodes_lost: int = 0
    core_hours: float = 0.0
    waited_for_s3_share: float = 0.0
    s3_requests: int = 0
    driver_busy_share: float = 0.0
    moved_tb: float = 0.0


def simulate(scans: Scans, cluster: Cluster, inputs: dict[str, Any], seed: int = 0) -> Simulated:
    """The queue, event by event."""
    chance = np.random.default_rng(seed)
    per_mpx = inputs["restore"] + inputs["save"]
    bytes_mpx = inputs["bytes_a_mpx"]
    line = cluster.node_gbit_s * 1e9 / 8 / cluster.cores  # bytes a second, for one core
    rate = min(cluster.s3_get_a_prefix_s / 2, cluster.s3_put_a_prefix_s / 4) * cluster.prefixes
    gap, free_at = 1.0 / rate, 0.0  # each scan: 2 reads, 4 writes
    out = Simulated(s3_requests=6 * scans.number)
    cores = [(cluster.start_s, node) for node in range(cluster.nodes) for _ in range(cluster.cores)]
    heapq.heapify(cores)
    loss = cluster.loss_a_node_hour / HOUR_S
    lost_at = (
        chance.exponential(1 / loss, cluster.nodes) if loss else np.full(cluster.nodes, np.inf)
    ).tolist()
    left, waited, busy, end, total_mpx = scans.number, 0.0, 0.0, 0.0, 0.0
    sizes: list[float] = []
    mu = math.log(scans.median_mpx)
    while left > 0:
        if not sizes:
            sizes = chance.lognormal(mu, scans.spread, min(left, 1_000_000)).tolist()
        now, node = heapq.heappop(cores)
        if now >= lost_at[node]:  # this core's node has gone meanwhile
            back = lost_at[node] + cluster.back_after_s + cluster.start_s
            if now < back:
                heapq.heappush(cores, (back, node))
                continue
            lost_at[node] = now + chance.exponential(1 / loss)
            out.nodes_lost += 1
        mpx = sizes.pop()
        start = max(now, free_at)  # a turn at S3
        free_at = start + gap
        moved = mpx * bytes_mpx
        service = 6 * cluster.s3_latency_s + 2 * moved / line + mpx * per_mpx
        service += mpx * scans.gpu_s_a_mpx
        done = start + service
        waited += start - now
        if done > lost_at[node] > now:  # lost with what it worked on: the ledger plans it again
            out.redone += 1
            sizes.append(mpx)
            busy += lost_at[node] - start
            heapq.heappush(cores, (lost_at[node] + cluster.back_after_s + cluster.start_s, node))
            continue
        busy += service
        total_mpx += mpx
        end = max(end, done)
        left -= 1
        heapq.heappush(cores, (done, node))
    out.hours = end / HOUR_S
    out.core_hours = busy / HOUR_S
    out.waited_for_s3_share = waited / (waited + busy)
    out.driver_busy_share = inputs["settle_s"] * scans.number / end
    out.moved_tb = 2 * total_mpx * bytes_mpx / 1e12
    return out


def run(options: argparse.Namespace) -> None:
    inputs = json.loads(options.inputs.read_text())
    scans = Scans(number=options.scans, median_mpx=options.mpx, gpu_s_a_mpx=options.gpu_s_a_mpx)
    print("| nodes | cores | hours | nodes lost | redone | waiting for S3 | driver busy | TB moved "
          "| $ for 1,000 scans |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for nodes in options.nodes:
        cluster = Cluster(
            nodes=nodes,
            prefixes=options.prefixes,
            node_hour=options.node_hour,
            loss_a_node_hour=options.loss,
        )
        found = simulate(scans, cluster, inputs)
        cost = nodes * found.hours * cluster.node_hour
        cost += scans.number * (2 * cluster.gets_1000 + 4 * cluster.puts_1000) / 1000
        print(f"| {nodes} | {nodes * cluster.cores} | {found.hours:,.1f} | {found.nodes_lost} | "
              f"{found.redone} ({found.redone / scans.number:.3%}) | "
              f"{found.waited_for_s3_share:.1%} | {found.driver_busy_share:.1%} | "
              f"{found.moved_tb:,.0f} | {cost / scans.number * 1000:.2f} |",
              flush=True)  # fmt: skip
    print(f"\nInputs: {json.dumps(inputs)}\nScans: {asdict(scans)}\nCluster: {asdict(cluster)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    one = what.add_parser("measure")
    one.add_argument("--side", type=int, default=2000)
    one.add_argument("--steps", nargs="*",
                     default=["correct_fading", "adjust_tone", "denoise", "sharpen",
                              "remove_dust", "remove_scratches", "inpaint"])  # fmt: skip
    one.add_argument("--out", type=Path)
    two = what.add_parser("simulate")
    two.add_argument("--inputs", type=Path, required=True)
    two.add_argument("--scans", type=int, default=10_000_000)
    two.add_argument("--mpx", type=float, default=20.0, help="median of a scan")
    two.add_argument("--nodes", type=int, nargs="*", default=[16, 64, 256])
    two.add_argument("--prefixes", type=int, default=16)
    two.add_argument("--loss", type=float, default=0.01, help="of nodes, an hour")
    two.add_argument("--node-hour", type=float, default=0.70, help="price")
    two.add_argument("--gpu-s-a-mpx", type=float, default=0.0, help="of networks")
    options = parser.parse_args()
    (measure if options.what == "measure" else run)(options)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
