"""Two real S3 servers on loopback, and a proxy between that makes faults."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ACCESS, SECRET = "AKIAUNFADETEST", "secret-of-the-tests-only"
LISTENING_S = 20.0


@dataclass
class Server:
    """An S3 server that is listening."""

    kind: str
    url: str

    def client(self, service: str = "s3") -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )


@contextlib.contextmanager
def moto() -> Iterator[Server]:
    """moto's server in this process: conditional writes and SNS; believes any signature."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Server("moto", f"http://{host}:{port}")
    finally:
        server.stop()


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    """``rclone serve s3`` over a folder: checks signatures; knows no conditional writes."""
    port = _free_port()
    process = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("rclone")),
            *("serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}"),
            *("--auth-key", f"{ACCESS},{SECRET}", "--config", os.devnull),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield Server("rclone", f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LISTENING_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The standard chain finds the tests' keys, and nothing of the person who runs them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


# -- faults -------------------------------------------------------------------------------------


@dataclass
class Faults:
    """What the proxy does to requests: ``pick`` names a fault, or nothing.

    Faults: ``500``, ``503`` (throttling), ``cut`` (half the body, then the line is dead), ``lost``
    (done, but the answer never comes), ``etag`` (a wrong one), ``hide`` (the newest keys are not
    listed yet).
    """

    pick: Callable[[str, str], str] = lambda method, path: ""
    hidden: set[str] = field(default_factory=set)
    made: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def some(share: float, kinds: list[str], seed: int) -> Callable[[str, str], str]:
    """A share of all requests gets a fault, by chance with a seed."""
    chance, lock = random.Random(seed), threading.Lock()

    def pick(method: str, path: str) -> str:
        with lock:
            return chance.choice(kinds) if chance.random() < share else ""

    return pick


@contextlib.contextmanager
def proxy(server: Server, faults: Faults) -> Iterator[Server]:
    """The server, as seen through a bad network."""
    target = urlsplit(server.url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = faults.pick(self.command, self.path)
            if fault:
                with faults.lock:
                    faults.made.append((fault, self.command, self.path))
            if fault in ("500", "503"):
                code = "SlowDown" if fault == "503" else "InternalError"
                self.answer(int(fault), {}, f"<Error><Code>{code}</Code></Error>".encode())
                return
            status, headers, data = self.forward(body)
            if fault == "lost":
                self.close_connection = True
                return
            if fault == "etag" and "etag" in headers:
                headers["etag"] = '"' + "0" * 32 + '"'
            if faults.hidden and b"<ListBucketResult" in data:
                data = _without(data, faults.hidden)
            self.answer(status, headers, data, cut=fault == "cut")

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any  # noqa: N815

        def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            line = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
            try:
                headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
                line.request(self.command, self.path, body, headers)
                got = line.getresponse()
                data = got.read()
                kept = {
                    k.lower(): v
                    for k, v in got.getheaders()
                    if k.lower() not in ("transfer-encoding", "connection", "date", "server")
                }
                return got.status, kept, data
            finally:
                line.close()

        def answer(
            self, status: int, headers: dict[str, str], data: bytes, cut: bool = False
        ) -> None:
            self.send_response(status)
            if self.command != "HEAD":
                headers = {k: v for k, v in headers.items() if k != "content-length"}
                headers["content-length"] = str(len(data))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            if cut:
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
                self.connection.close()
            else:
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            return  # cut lines are the point

    listener = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield Server(f"{server.kind} with faults", f"http://127.0.0.1:{listener.server_port}")
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def _without(listing: bytes, hidden: set[str]) -> bytes:
    def keep(found: re.Match[bytes]) -> bytes:
        return b"" if any(f"<Key>{key}</Key>".encode() in found[0] for key in hidden) else found[0]

    return re.sub(rb"<Contents>.*?</Contents>", keep, listing, flags=re.DOTALL)
