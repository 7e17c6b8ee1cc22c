"""The service under a stopwatch: overhead, first event, start, many jobs at once, hostile requests.

    python benchmarks/web.py                      # on a picture that it makes, 2 megapixels
    python benchmarks/web.py --picture scan.jpg   # on one of yours
    python benchmarks/web.py --jobs 200 --hostile 1000

Everything goes over loopback to a server that is started as users start it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))
from studio_live import Live, dusty, live, png


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--picture", type=Path, help="default: made here, 1200 x 1700")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--hostile", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture = options.picture or Path(folder) / "made.png"
        if options.picture is None:
            Image.fromarray(dusty(1200, 1700)).save(picture)
        began = time.monotonic()
        rates = ("--queue", "100", "--queue-each", "100")
        with live("--data", str(Path(folder) / "data"), "--quiet", *rates) as server:
            show("from start to address", time.monotonic() - began, "s")
            ready(server)
            os.nice(5)  # as the server's children do, so that a busy machine is fair to both
            show("from start to ready", time.monotonic() - began, "s")
            show("server, idle", resident(server) / 1e6, "MB")
            overhead(server, picture, options.rounds)
            many(server, options.jobs)
            hostile(server, options.hostile)
            show("server, at the end", resident(server) / 1e6, "MB")


def overhead(server: Live, picture: Path, rounds: int) -> None:
    """Click to result against the bare library in a warm process, by turns."""
    from unfade.engines.bench import Bench
    from unfade.journey import restore

    content = picture.read_bytes()
    bare, served, first, accepted, events = [], [], [], [], []
    with Bench() as bench, tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):  # the first one warms both
            began = time.monotonic()
            saved = restore(picture, bench=bench).save(Path(folder) / f"{number}{picture.suffix}")
            bare.append(time.monotonic() - began)
            upload = server.upload(content, picture.name)
            began = time.monotonic()
            job = server.order(upload=upload["id"])
            accepted.append(time.monotonic() - began)
            with server.client.stream("GET", job["links"]["events"]) as stream:
                for line in stream.iter_lines():
                    if line.startswith("event: progress") and len(first) <= number:
                        first.append(time.monotonic() - began)
                    if line.startswith("id:") and len(events) <= number:
                        events.append(time.monotonic() - began)
            got = server.client.get(f"{job['links']['self']}/picture").content
            served.append(time.monotonic() - began)
            assert got == saved.output.read_bytes(), "the service gives other bytes"
    show(f"bare restoration of {picture.name}", statistics.median(bare[1:]), "s")
    show("the same from click to result", statistics.median(served[1:]), "s")
    ratio = statistics.median(s / b for s, b in zip(served[1:], bare[1:], strict=True))
    show("overhead, median of pairs", (ratio - 1) * 100, "%")
    show("job accepted (written to disk)", statistics.median(accepted[1:]) * 1000, "ms")
    show("first event", statistics.median(events[1:]) * 1000, "ms")
    show("first progress event", statistics.median(first[1:]) * 1000, "ms")


def many(server: Live, count: int) -> None:
    """So many small jobs at once; the queue's honest refusals are tried again as they say."""
    uploads = [server.upload(png(dusty(seed=n)), f"{n}.png")["id"] for n in range(8)]
    answers: Counter[int] = Counter()
    jobs: dict[str, str] = {}
    lock = threading.Lock()
    largest = [0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            largest[0] = max(largest[0], resident(server))

    def one(number: int) -> None:
        with httpx.Client(base_url=server.address, timeout=120) as client:
            key = {"Idempotency-Key": f"many-{number}"}
            while True:
                wanted = {"upload": uploads[number % 8], "batch": "many"}
                answer = client.post("/v1/jobs", json=wanted, headers=key)
                with lock:
                    answers[answer.status_code] += 1
                if answer.status_code == 202:
                    break
                assert answer.status_code in (429, 503), answer.text
                time.sleep(float(answer.headers["retry-after"]) * random.uniform(0.5, 1))
            job = answer.json()
            while job["state"] in ("queued", "running"):
                time.sleep(0.3)
                job = client.get(job["links"]["self"]).json()
            with lock:
                jobs[job["id"]] = job["state"]

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(one, range(count)))
    took = time.monotonic() - began
    stop.set()
    watcher.join()
    listed = set()
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = server.client.get("/v1/jobs", params={"batch": "many", "limit": 200} | more).json()
        listed |= {job["id"] for job in page["jobs"]}
        cursor = page["next"]
        if cursor is None:
            break
    show(f"{count} jobs at once", took, "s")
    show("jobs a second", count / took, "")
    print(f"{'ends':<44} {dict(Counter(jobs.values()))}")
    print(f"{'answers to POST /v1/jobs':<44} {dict(answers)}")
    print(f"{'lost / doubled':<44} {count - len(jobs)} / {len(listed - set(jobs))}")
    show("server at most", largest[0] / 1e6, "MB")
    assert set(jobs.values()) == {"succeeded"} and listed == set(jobs) and len(jobs) == count


def hostile(server: Live, count: int) -> None:
    """Mutated files, wrong JSON, odd addresses: every answer must be an honest one."""
    rng = random.Random(1)
    sound = [png(dusty(40, 50))]
    for kind in ("JPEG", "TIFF", "WEBP", "BMP", "GIF"):
        out = io.BytesIO()
        Image.fromarray(dusty(40, 50)).save(out, kind)
        sound.append(out.getvalue())
    statuses: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(count):
        answer = _one_hostile(server, rng, sound, number)
        statuses[f"{answer.status_code}"] += 1
        if answer.status_code == 429:
            time.sleep(float(answer.headers["retry-after"]))
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
    show(f"{count} hostile requests", time.monotonic() - began, "s")
    print(f"{'answers':<44} {dict(sorted(statuses.items()))}")


def _one_hostile(
    server: Live, rng: random.Random, sound: list[bytes], number: int
) -> httpx.Response:
    kind = number % 4
    if kind in (0, 1):
        content = bytearray(rng.choice(sound))
        for _ in range(rng.randint(1, 12)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        if rng.random() < 0.3:
            del content[rng.randrange(len(content)) :]
        answer = server.client.post("/v1/uploads", files=[("file", ("x", bytes(content)))])
        if answer.status_code == 201 and kind == 1:
            picture = answer.json()["uploads"][0]["picture"]
            return server.client.get(picture, params={"max": 64})
        return answer
    if kind == 2:
        body = rng.randbytes(rng.randint(0, 200))
        wanted = {"upload": "".join(rng.choices("0123456789abcdef/.", k=32)), "kind": "restore"}
        body = json.dumps(wanted).encode() if rng.random() < 0.5 else body
        return server.client.post(
            "/v1/jobs", content=body, headers={"Content-Type": "application/json"}
        )
    place = "".join(rng.choices("abc/.%{}0123456789-_\\", k=20))
    return server.client.get(f"/v1/jobs/{place}")


def ready(server: Live) -> None:
    while server.client.get("/readyz").status_code != 200:
        time.sleep(0.1)
    server.client.get("/v1/limits").raise_for_status()


def resident(server: Live) -> int:
    """Bytes of memory of the server's own process."""
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as facts:
        return int(facts.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def show(name: str, value: float, unit: str) -> None:
    print(f"{name:<44} {value:10.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
