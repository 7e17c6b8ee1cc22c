"""A word at the end of a batch, or when too much of it fails: Amazon SNS, or a signed webhook.

E-mail is SNS's: subscribe an address to the topic. A notice holds numbers and addresses of
places, never names of pictures' contents, settings or credentials.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from unfade.batch.executors.contract import Event
from unfade.batch.ledger import Row
from unfade.batch.run import Outcome
from unfade.errors import OutputError, Unreachable, UsageError
from unfade.files.places.trying import tried
from unfade.needs import need

TIMEOUT_S = 10.0
TRIES = 4
ALARM_AFTER = 20  # ended items, before a share of failures means anything
_SUBJECT_CHARS = 100  # SNS takes no more


class Target(Protocol):
    """Where notices go."""

    def send(self, subject: str, body: dict[str, Any]) -> None:
        """Deliver one notice.

        Raises:
            Unreachable: it was not taken, after several tries
        """
        ...


def opened_target(address: str, *, secret_file: str | None = None) -> Target:
    """``sns:ARN`` or ``https://...`` as a target; nothing is sent yet.

    Args:
        secret_file: holds the secret that signs webhooks
    Raises:
        UsageError: another kind of address, or a webhook without a secret
    """
    if address.startswith("sns:"):
        return SnsTopic(address.removeprefix("sns:"))
    if address.startswith("arn:aws") and ":sns:" in address:
        return SnsTopic(address)
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname)):
        if parts.username is not None:
            raise UsageError(
                "The address of a webhook has credentials in it.",
                "Leave them out: notices are signed with `--notify-secret`.",
            )
        if secret_file is None:
            raise UsageError(
                f"The webhook `{parts.scheme}://{parts.hostname}` has no secret to sign with.",
                "Give a file that holds one with `--notify-secret`.",
            )
        return Webhook(address, _secret(secret_file))
    raise UsageError(
        f"`--notify {address}` is no target for notices.",
        "Write `sns:arn:aws:sns:...`, or an https:// address.",
    )


class Webhook:
    """POSTs JSON, signed.

    ``X-Unfade-Signature: sha256=HEX`` is the HMAC-SHA256 of ``TIMESTAMP.BODY`` under the secret,
    ``X-Unfade-Timestamp`` the seconds since 1970: the receiver checks both, so that nobody else
    can send a notice and an old one cannot be sent again. Redirects are not followed.
    """

    def __init__(self, address: str, secret: bytes) -> None:
        self.address = address
        self._secret = secret

    def send(self, subject: str, body: dict[str, Any]) -> None:
        data = json.dumps({"subject": subject, **body}, sort_keys=True).encode()
        where = urlsplit(self.address)

        def once() -> None:
            stamp = str(int(time.time()))
            request = urllib.request.Request(
                self.address,
                data=data,
                method="POST",
                headers={
                    "Content-Type": "application/json",
                    "X-Unfade-Timestamp": stamp,
                    "X-Unfade-Signature": f"sha256={signature(self._secret, stamp, data)}",
                },
            )
            opener = urllib.request.build_opener(_NoRedirect)
            try:
                opener.open(request, timeout=TIMEOUT_S).close()
            except urllib.error.HTTPError as error:
                error.close()
                raise

        try:
            tried(once, tries=TRIES, worth=lambda error: not _final(error))
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"The webhook `{where.scheme}://{where.hostname}` does not take notices: {error}.",
                "Check its address; the batch itself is not affected.",
            ) from error


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """What ``X-Unfade-Signature`` must hold, in hex."""
    return hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class SnsTopic:
    """A topic of Amazon SNS; credentials and endpoint by the standard chain."""

    def __init__(self, arn: str) -> None:
        need("boto3", extra="s3", to="notify by SNS")
        parts = arn.split(":")
        if len(parts) != 6 or parts[2] != "sns" or not parts[5]:
            raise UsageError(
                f"`{arn}` is no ARN of a topic.", "Write `arn:aws:sns:REGION:ACCOUNT:TOPIC`."
            )
        self.arn = arn
        self._region = parts[3]

    def send(self, subject: str, body: dict[str, Any]) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = boto3.client(
                "sns",
                region_name=self._region,
                config=Config(retries={"max_attempts": TRIES, "mode": "standard"}),
            )
            client.publish(
                TopicArn=self.arn,
                Subject=subject[:_SUBJECT_CHARS],
                Message=json.dumps({"subject": subject, **body}, sort_keys=True),
                MessageAttributes={
                    "event": {"DataType": "String", "StringValue": str(body["event"])}
                },
            )
        except (BotoCoreError, ClientError) as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
            raise Unreachable(
                f"SNS does not take notices for `{self.arn}`: {code or type(error).__name__}.",
                "Check the topic, the credentials and `sns:Publish`; the batch is not affected.",
            ) from error


class Notifier:
    """A ``Watcher`` that sends a notice at the end, and once when too much fails.

    Args:
        above: share of ended items that failed, beyond which the alarm is sent; None: no alarm
        says: told of a notice that could not be sent; the batch goes on
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        source: str,
        destination: str,
        above: float | None = None,
        says: Callable[[str], None] | None = None,
    ) -> None:
        self.targets = targets
        self.places = {"source": source, "destination": destination}
        self.above = above
        self.says = says
        self.alarmed = False

    def happened(self, event: Event, row: Row, outcome: Outcome) -> None:
        ended = outcome.done + outcome.failed
        if self.above is None or self.alarmed or ended < ALARM_AFTER:
            return
        if outcome.failed_share > self.above:
            self.alarmed = True
            share = f"{outcome.failed_share:.0%} of {ended} pictures have failed"
            self._send("failing", f"unfade: {share}", outcome, row.error_code)

    def passed(self, outcome: Outcome) -> None:
        return

    def finished(self, outcome: Outcome, report: str) -> None:
        """Send the notice of the end."""
        if outcome.stopped:
            words = f"stopped, {outcome.left} of {outcome.total} left"
        else:
            words = f"{outcome.done} done, {outcome.incomplete} without a result"
        self._send("finished", f"unfade: {words}", outcome, report=report)

    def _send(
        self, event: str, subject: str, outcome: Outcome, last_error: str = "", report: str = ""
    ) -> None:
        body = {"event": event, **self.places, "outcome": outcome.to_dict()}
        if last_error:
            body["last_error"] = last_error
        if report:
            body["report"] = report
        for target in self.targets:
            try:
                target.send(subject, body)
            except Unreachable as error:  # a notice is no reason to stop restoring
                if self.says is None:
                    raise
                self.says(str(error))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _final(error: BaseException) -> bool:
    status = getattr(error, "code", None)
    return status is not None and 300 <= status < 500 and status not in (408, 429)


def _loopback(host: str | None) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")


def _secret(path: str) -> bytes:
    try:
        secret = Path(path).read_bytes().strip()
    except OSError as error:
        raise OutputError(
            f"The secret `{path}` cannot be read: {error.strerror}.", "Check `--notify-secret`."
        ) from error
    if len(secret) < 16:
        raise UsageError(
            f"The secret in `{path}` has {len(secret)} bytes, at least 16 are needed.",
            "Make one with: openssl rand -hex 32",
        )
    return secret
