"""A server as users start it, and pictures to give to it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

START_S = 60.0


class Live:
    """A running ``unfade serve`` and a client for it."""

    def __init__(self, *options: str, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "unfade", "serve", "--port", "0", *options]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"UNFADE_CONFIG": os.devnull} | (environment or {}),
        )
        self.log: list[str] = []
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.address = ""
        until = time.monotonic() + START_S
        while not self.address:
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                self.process.wait()
                self._reader.join(10)
                self.process.stderr.close()  # type: ignore[union-attr]
                raise RuntimeError("".join(self.log))
            self._listening.wait(0.2)
            found = re.search(r"unfade is at (http://\S+)", "".join(self.log))
            self.address = found[1] if found else ""
        self.client = httpx.Client(base_url=self.address, timeout=60.0)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            self._listening.set()

    def kill(self) -> None:
        """As a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """As an operator does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.client.close()
        return code

    # -- what users do ----------------------------------------------------------------------

    def upload(self, content: bytes, name: str = "scan.png") -> dict[str, Any]:
        answer = self.client.post("/v1/uploads", files=[("file", (name, content))])
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["uploads"][0])

    def order(self, **wanted: Any) -> dict[str, Any]:
        answer = self.client.post("/v1/jobs", json=wanted)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def ended(self, job: dict[str, Any], within_s: float = 60.0) -> dict[str, Any]:
        return ended(self.client, job, within_s)


def ended(client: Any, job: dict[str, Any], within_s: float = 60.0) -> dict[str, Any]:
    """The job when it has come to its end."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        now = client.get(job["links"]["self"]).json()
        if now["state"] in ("succeeded", "failed", "cancelled"):
            return dict(now)
        time.sleep(0.05)
    raise AssertionError(f"{job['id']} has not ended: {now['state']}, {now['progress']}")


@contextmanager
def live(*options: str, **more: Any) -> Iterator[Live]:
    server = Live(*options, **more)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def png(samples: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "PNG")
    return out.getvalue()


def dusty(rows: int = 96, cols: int = 128, seed: int = 1) -> np.ndarray:
    """A smooth picture with plain specks, which the eyes find."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:cols]
    plain = 110 + 50 * np.sin(x / 37.0 + seed) + 30 * np.cos(y / 23.0)
    samples = np.repeat(plain[:, :, None], 3, axis=2) * (1.0, 0.95, 0.9)
    samples += rng.normal(0, 1.2, samples.shape)
    for _ in range(6):
        top, left = rng.integers(8, rows - 12), rng.integers(8, cols - 12)
        samples[top : top + 3, left : left + 3] = 250
    return np.clip(np.rint(samples), 0, 255).astype(np.uint8)


def write(path: Path, samples: np.ndarray) -> Path:
    Image.fromarray(samples).save(path)
    return path
