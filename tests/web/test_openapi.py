"""Every address against its own description: whatever schemathesis makes up is answered."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from studio_live import Live, live

# a chunk of an upload is bytes of its own kind
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PHASES = (Phase.explicit, Phase.generate)
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("--data", str(tmp_path_factory.mktemp("described")), "--queue", "20") as started:
        yield started


@pytest.fixture(scope="module")
def known(server: Live, scan: bytes) -> dict[str, str]:
    """An upload and a job that are there, so that more than "not found" is seen."""
    upload = server.upload(scan)
    job = server.ended(server.order(upload=upload["id"]))
    return {"uploads": upload["id"], "jobs": job["id"]}


@pytest.fixture(scope="module")
def description(server: Live) -> Any:
    return schemathesis.openapi.from_url(f"{server.address}/v1/openapi.json")


def send(case: schemathesis.Case, known: dict[str, str], server: Live) -> None:
    _, _, subject, *_ = (*case.path.split("/"), "", "")
    made_up = str((case.path_parameters or {}).get("id", ""))
    if subject in known and made_up and case.method != "DELETE" and sum(map(ord, made_up)) % 2:
        case.path_parameters["id"] = known[subject]  # half of them become one that is there
    response = case.call(base_url=server.address, timeout=60)
    case.validate_response(response, checks=CHECKS)
    if response.status_code >= 400 and response.content and case.method != "HEAD":
        kinds = response.headers["content-type"]
        assert kinds == ["application/problem+json"], (kinds, response.text)


def wrong_answers(
    description: Any, known: dict[str, str], server: Live, examples: int
) -> dict[str, str]:
    """Operation -> the first of its answers that is not as described."""
    wrong = {}
    for each in description.get_all_operations():
        operation = each.ok()
        for mode in schemathesis.GenerationMode:

            @settings(
                max_examples=examples, deadline=None, phases=PHASES, suppress_health_check=QUIET
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def probe(case: schemathesis.Case) -> None:
                send(case, known, server)

            try:
                probe()
            except Unsatisfiable:
                continue  # an address without parameters cannot be asked wrongly
            except BaseException as failure:
                wrong[f"{operation.label} {mode.value}"] = "".join(
                    traceback.format_exception(failure)[-3:]
                )[-1500:]
    return wrong


def test_answers_are_as_described(description: Any, known: dict[str, str], server: Live) -> None:
    wrong = wrong_answers(description, known, server, 4)
    assert not wrong, "\n\n".join(f"{name}: {how}" for name, how in wrong.items())


@pytest.mark.slow
def test_five_thousand_answers_are_as_described(
    description: Any, known: dict[str, str], server: Live
) -> None:
    wrong = wrong_answers(description, known, server, 60)
    assert not wrong, "\n\n".join(f"{name}: {how}" for name, how in wrong.items())
