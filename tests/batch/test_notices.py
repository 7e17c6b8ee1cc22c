"""Notices: Amazon SNS against moto, webhooks against a receiver that checks the signature."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from stores import SECRET, credentials, moto  # noqa: F401

from unfade.batch import notify
from unfade.batch.executors.contract import Event
from unfade.batch.ledger import Row
from unfade.batch.metrics import Metrics
from unfade.batch.notify import ALARM_AFTER, Notifier, SnsTopic, Webhook, opened_target, signature
from unfade.batch.run import Outcome
from unfade.errors import OutputError, Unreachable, UsageError
from unfade.files.places import trying

KEY = b"a secret of the tests"
ROW = Row(name="a.tif", target="a.tif", state="failed", error_code="unreadable-input")
FAILED = Event(key="a.tif", what="failed", error={"code": "unreadable-input"}, took_s=0.2)
DONE = Event(key="a.tif", what="done", took_s=0.2)


@dataclass
class Receiver:
    url: str
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((dict(self.headers), body))
            status = made.answers.pop(0) if made.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(f"http://127.0.0.1:{server.server_port}/hook?box=3")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "FIRST_WAIT_S", 0.001)


def notifier(target: notify.Target, **given: Any) -> Notifier:
    return Notifier([target], source="s3://a/raw/", destination="s3://a/restored/", **given)


def test_a_webhook_is_signed_and_told_the_outcome() -> None:
    with receiver() as hook:
        outcome = Outcome(run=3, total=9, done=8, failed=1)
        notifier(Webhook(hook.url, KEY)).finished(outcome, "s3://a/restored/index.html")
    ((headers, body),) = hook.got
    expected = signature(KEY, headers["X-Unfade-Timestamp"], body)
    assert headers["X-Unfade-Signature"] == f"sha256={expected}"
    assert signature(b"another secret", headers["X-Unfade-Timestamp"], body) != expected
    told = json.loads(body)
    assert told["event"] == "finished"
    assert told["outcome"]["done"] == 8
    assert told["report"].endswith("index.html")
    assert "8 done, 1 without a result" in told["subject"]


def test_a_busy_receiver_is_tried_again_a_refusing_one_is_not() -> None:
    with receiver() as hook:
        hook.answers = [503, 500]
        Webhook(hook.url, KEY).send("x", {"event": "finished"})
        assert len(hook.got) == 3
        hook.got.clear()
        hook.answers = [403]
        with pytest.raises(Unreachable, match="does not take notices") as told:
            Webhook(hook.url, KEY).send("x", {"event": "finished"})
        assert len(hook.got) == 1
    assert "hook?box" not in str(told.value)  # paths and queries of webhooks are secrets


def test_redirects_are_not_followed() -> None:
    with receiver() as hook:
        hook.answers = [302]
        with pytest.raises(Unreachable):
            Webhook(hook.url, KEY).send("x", {"event": "finished"})
        assert len(hook.got) == 1


def test_sns_delivers_to_its_subscribers(
    credentials: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with moto() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        topic = server.client("sns").create_topic(Name="batches")["TopicArn"]
        queue = server.client("sqs").create_queue(QueueName="batches")["QueueUrl"]
        arn = topic.replace(":sns:", ":sqs:")
        server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        target = opened_target(f"sns:{topic}")
        notifier(target).finished(Outcome(run=1, total=4, done=4), "")
        (message,) = server.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        envelope = json.loads(message["Body"])
        assert envelope["Subject"] == "unfade: 4 done, 0 without a result"
        told = json.loads(envelope["Message"])
        assert told["destination"] == "s3://a/restored/"
        assert SECRET not in message["Body"]
        with pytest.raises(Unreachable, match="SNS does not take notices"):
            SnsTopic(topic + "-gone").send("x", {"event": "finished"})


def test_the_alarm_comes_once_and_not_too_early() -> None:
    sent: list[str] = []

    class Kept:
        def send(self, subject: str, body: dict[str, Any]) -> None:
            sent.append(body["event"])

    watcher = notifier(Kept(), above=0.2)
    outcome = Outcome(run=1, total=100)
    for n in range(40):
        if n % 3 == 0:
            outcome.failed += 1
            watcher.happened(FAILED, ROW, outcome)
        else:
            outcome.done += 1
            watcher.happened(DONE, ROW, outcome)
        assert bool(sent) == (n + 1 >= ALARM_AFTER)
    assert sent == ["failing"]
    watcher.finished(outcome, "")
    assert sent == ["failing", "finished"]


def test_a_notice_that_fails_does_not_stop_the_batch() -> None:
    class Dead:
        def send(self, subject: str, body: dict[str, Any]) -> None:
            raise Unreachable("Nobody is there.", "Wait.")

    said: list[str] = []
    notifier(Dead(), says=said.append).finished(Outcome(run=1), "")
    assert said == ["Nobody is there. Wait."]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mailto:me@example.org", "no target"),
        ("http://example.org/hook", "no target"),
        ("https://me:secret@example.org/", "credentials"),
        ("https://example.org/hook", "no secret"),
        ("sns:topic", "no ARN"),
    ],
)
def test_targets_that_cannot_be(address: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as told:
        opened_target(address)
    assert "secret@" not in str(told.value)


def test_the_secret_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with pytest.raises(OutputError, match="cannot be read"):
        opened_target("https://example.org/", secret_file=str(file))
    file.write_text("short")
    with pytest.raises(UsageError, match="at least 16"):
        opened_target("https://example.org/", secret_file=str(file))
    file.write_text("0123456789abcdef0123\n")
    assert isinstance(opened_target("https://example.org/", secret_file=str(file)), Webhook)


def test_metrics_are_served_on_loopback() -> None:
    with Metrics(0) as metrics:
        outcome = Outcome(run=1, total=5, done=2, failed=1, bytes_in=77)
        for event in (Event(key="a.tif", what="started"), FAILED):
            metrics.happened(event, ROW, outcome)
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics") as answer:
            text = answer.read().decode()
    assert 'unfade_batch_items{state="done"} 2.0' in text
    assert 'unfade_batch_items{state="left"} 2.0' in text
    assert 'unfade_batch_errors_total{code="unreadable-input"} 1.0' in text
    assert 'unfade_batch_bytes{direction="in"} 77.0' in text
    assert "unfade_batch_running 0.0" in text
    assert "unfade_batch_item_seconds_count 1.0" in text


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with Metrics(0) as metrics, pytest.raises(OutputError, match="--metrics-port"):
        Metrics(metrics.port)
