"""The queue: bounded, fair, and never the same job twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfade.web.problems import Busy, KeyReused, NotFound, TooMany
from unfade.web.queue import Queue
from unfade.web.rows import JobRow, NewJob
from unfade.web.schemas.jobs import State
from unfade.web.store import Store


def job(user: str = "anna", **more: object) -> NewJob:
    return NewJob(user=user, kind="restore", name="scan.png", request={}, **more)  # type: ignore[arg-type]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    store = Store(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    yield Queue(store, most=50, most_each=40)
    store.close()


def claimed(queue: Queue) -> JobRow:
    row = queue.claim()
    assert row is not None
    return row


def test_one_who_asks_for_much_does_not_hold_up_the_others(queue: Queue) -> None:
    for _ in range(10):
        queue.add(job("anna"))
    first = claimed(queue)
    for user in ("ben", "carl"):
        queue.add(job(user))
    order = [claimed(queue).user for _ in range(3)]
    assert first.user == "anna"
    assert sorted(order[:2]) == ["ben", "carl"] and order[2] == "anna"


def test_users_take_turns(queue: Queue) -> None:
    for user in ("anna", "anna", "anna", "ben", "ben", "ben"):
        queue.add(job(user))
    served = []
    for _ in range(6):
        row = claimed(queue)
        served.append(row.user)
        queue.finish(row.id, State.SUCCEEDED)
    assert served == ["anna", "ben"] * 3
    assert queue.claim() is None


def test_a_users_own_jobs_keep_their_order(queue: Queue) -> None:
    ids = [queue.add(job()).id for _ in range(5)]
    assert [claimed(queue).id for _ in range(5)] == ids


def test_full_is_full_for_all_and_for_each(queue: Queue) -> None:
    for _ in range(40):
        queue.add(job("anna"))
    with pytest.raises(TooMany, match="40 of your jobs"):
        queue.add(job("anna"))
    for _ in range(10):
        queue.add(job("ben"))
    with pytest.raises(Busy, match="50 jobs are waiting"):
        queue.add(job("carl"))
    claimed(queue)
    assert queue.add(job("carl")).state is State.QUEUED


def test_a_key_stands_for_one_job(queue: Queue) -> None:
    first = queue.add(job(), "key", "body")
    assert queue.add(job(), "key", "body").id == first.id
    assert queue.add(job("ben"), "key", "body").id != first.id
    with pytest.raises(KeyReused):
        queue.add(job(), "key", "another body")
    queue.store.delete_job(first.id)
    with pytest.raises(NotFound):
        queue.add(job(), "key", "body")


def test_a_key_sent_at_once_by_many_makes_one_job(queue: Queue) -> None:
    with ThreadPoolExecutor(16) as pool:
        ids = {row.id for row in pool.map(lambda _: queue.add(job(), "key", "body"), range(64))}
    assert len(ids) == 1


def test_no_job_is_handed_out_twice(queue: Queue) -> None:
    ids = {queue.add(job(user)).id for user in "abcde" for _ in range(8)}
    with ThreadPoolExecutor(8) as pool:
        rows = [row for row in pool.map(lambda _: queue.claim(), range(60)) if row is not None]
    assert len(rows) == 40 and {row.id for row in rows} == ids


def test_lost_work_waits_at_its_old_place_and_its_events_grow(queue: Queue) -> None:
    first, second = queue.add(job()), queue.add(job())
    row = claimed(queue)
    queue.put_back(row.id)
    again = claimed(queue)
    assert (again.id, again.attempts) == (first.id, 2)
    queue.finish(again.id, State.SUCCEEDED, summary={})
    events = queue.events_after(first.id, -1)
    assert [data["state"] for _, data in events] == [
        *("queued", "running", "queued", "running", "succeeded")
    ]
    assert [n for n, _ in events] == sorted({n for n, _ in events})
    assert queue.store.job(second.id).state is State.QUEUED


def test_an_end_is_final(queue: Queue) -> None:
    row = queue.add(job())
    assert queue.ask_to_cancel(row.id, {"code": "cancelled"}).state is State.CANCELLED
    assert queue.finish(row.id, State.SUCCEEDED).state is State.CANCELLED
    assert queue.put_back(row.id).state is State.CANCELLED
    assert queue.claim() is None


def test_another_users_job_is_as_if_it_were_not_there(queue: Queue) -> None:
    row = queue.add(job("anna"))
    with pytest.raises(NotFound) as theirs:
        queue.store.job(row.id, "ben")
    with pytest.raises(NotFound) as nobodys:
        queue.store.job("0" * 32, "ben")
    assert str(theirs.value) == str(nobodys.value)
    assert queue.store.jobs("ben", 10, None) == ([], None)


def test_pages_of_a_list_hold_everything_once(queue: Queue) -> None:
    ids = [queue.add(job()).id for _ in range(7)]
    seen, cursor = [], None
    while True:
        rows, cursor = queue.store.jobs("anna", 3, cursor)
        seen += [row.id for row in rows]
        if cursor is None:
            break
    assert seen == ids[::-1]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["anna", "ben", "carl"]), min_size=1, max_size=24))
def test_nobody_waits_while_another_has_two_more_running(users: list[str]) -> None:
    store = Store("sqlite://")
    queue = Queue(store, most=100, most_each=100)
    for user in users:
        queue.add(job(user))
    running = dict.fromkeys(users, 0)
    waiting = {user: users.count(user) for user in users}
    while (row := queue.claim()) is not None:
        assert running[row.user] == min(running[u] for u in users if waiting[u])
        running[row.user] += 1
        waiting[row.user] -= 1
    assert sum(running.values()) == len(users)
    store.close()
