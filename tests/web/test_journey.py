"""A picture's journey through the service, as a page or a script makes it."""

from __future__ import annotations

import io
import json

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image
from skimage import data
from studio_live import dusty, ended, png

from unfade import journey
from unfade.files.sidecar import evidence_path, record_path
from unfade.record import Record


def order(client: TestClient, **wanted: object) -> dict:
    answer = client.post("/v1/jobs", json=wanted)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["links"]["self"]
    return dict(answer.json())


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_upload_tells_what_the_header_says(client: TestClient, upload: dict, scan: bytes) -> None:
    assert (upload["rows"], upload["cols"], upload["bits"]) == (96, 128, 8)
    assert (upload["format"], upload["kind"], upload["bytes"]) == ("png", "picture", len(scan))
    assert client.get(upload["url"]).json() == upload
    assert client.get(upload["url"] + "/file").content == scan
    assert upload["id"] in [u["id"] for u in client.get("/v1/uploads").json()["uploads"]]


def test_one_bad_file_costs_only_itself(client: TestClient, scan: bytes) -> None:
    files = [("file", ("good.png", scan)), ("file", ("bad.jpg", b"\xff\xd8\xff nothing"))]
    answer = client.post("/v1/uploads", files=files)
    assert answer.status_code == 207
    assert [u["name"] for u in answer.json()["uploads"]] == ["good.png"]
    (refused,) = answer.json()["refused"]
    assert refused["name"] == "bad.jpg"
    assert refused["problem"]["code"] == "unreadable-input"
    assert "`bad.jpg`" in refused["problem"]["detail"]


def test_restore_gives_the_very_result_of_the_library(
    client: TestClient, upload: dict, scan: bytes, tmp_path
) -> None:
    job = ended(client, order(client, upload=upload["id"]))
    assert job["state"] == "succeeded", job["error"]
    source = tmp_path / "grandmother.png"
    source.write_bytes(scan)
    saved = journey.restore(source).save(tmp_path / "grandmother-restored.png")
    got = client.get(job["links"]["picture"])
    assert got.content == saved.output.read_bytes()
    assert 'filename="grandmother-restored.png"' in got.headers["content-disposition"]
    assert client.get(job["links"]["evidence"]).content == saved.evidence_file.read_bytes()
    summary = job["summary"]
    assert summary["changed_share"] == saved.record.changed_share > 0
    assert summary["sha256"] == saved.record.output["sha256"]
    assert summary["verified"] is True


def test_record_of_a_download_serves_the_command_line(
    client: TestClient, upload: dict, scan: bytes, tmp_path
) -> None:
    job = ended(client, order(client, upload=upload["id"]))
    (tmp_path / "grandmother.png").write_bytes(scan)
    output = tmp_path / "grandmother-restored.png"
    output.write_bytes(client.get(job["links"]["picture"]).content)
    record_path(output).write_bytes(client.get(job["links"]["record"]).content)
    evidence_path(output).write_bytes(client.get(job["links"]["evidence"]).content)
    record = Record.from_json(record_path(output).read_text())
    assert journey.revert(output).read_bytes() == scan
    one_less = journey.revert(output, item=record.items[0].number)
    assert sum(i.made for i in one_less.record.items) == sum(i.made for i in record.items) - 1


def test_events_begin_with_the_state_and_end_with_the_last(
    client: TestClient, upload: dict
) -> None:
    job = order(client, upload=upload["id"])
    events = []
    with client.stream("GET", job["links"]["events"]) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("id:"):
                events.append([int(line[3:])])
            elif line.startswith(("event:", "data:")):
                events[-1].append(line.partition(":")[2].strip())
    numbers = [number for number, *_ in events]
    assert numbers == sorted(set(numbers))
    assert events[0][1] == events[-1][1] == "state"
    assert json.loads(events[-1][2])["state"] == "succeeded"
    progress = [json.loads(data)["progress"] for _, kind, data in events if kind == "progress"]
    assert all(0 <= p["share"] <= 1 and p["stage"] for p in progress)
    # a browser that comes again is told what it missed, and then not to come again
    missed = client.get(job["links"]["events"], headers={"Last-Event-ID": str(numbers[0])})
    assert missed.text.count("event: state") >= 1
    assert f"id: {numbers[-1]}" in missed.text
    last = client.get(job["links"]["events"], headers={"Last-Event-ID": str(numbers[-1])})
    assert last.status_code == 204


def test_examine_at_once_and_leave_one_mark_alone(client: TestClient, upload: dict) -> None:
    answer = client.post(
        "/v1/examine", json={"upload": upload["id"]}, headers={"Prefer": "wait=30"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["preference-applied"] == "wait=30"
    seen = answer.json()
    assert seen["marks"] and seen["left_alone"]
    assert {f["name"] for f in seen["findings"]} >= {"tone", "noise", "marks", "faces"}
    plan = {step["step"]: step for step in seen["plan"]}
    schema = plan["remove_dust"]["settings_schema"]
    assert set(plan["remove_dust"]["settings"]) == set(schema["properties"])
    spared = seen["marks"][0]["key"]
    steps = [{"step": s["step"], "settings": s["settings"]} for s in seen["plan"]]
    job = ended(client, order(client, upload=upload["id"], steps=steps, rejected=[spared]))
    items = client.get(job["links"]["items"]).json()["items"]
    assert {i["key"]: i["made"] for i in items}[spared] is False
    assert sum(i["made"] for i in items) == len(items) - 1


def test_examine_is_a_job_for_those_who_do_not_wait(client: TestClient, upload: dict) -> None:
    answer = client.post("/v1/examine", json={"upload": upload["id"]})
    assert answer.status_code == 202
    job = ended(client, answer.json())
    seen = client.get(job["links"]["result"]).json()
    assert (seen["rows"], seen["cols"]) == (96, 128)
    assert client.get(f"{job['links']['self']}/picture").json()["code"] == "not-found"


def test_revert_takes_one_repair_back(client: TestClient, upload: dict, scan: bytes) -> None:
    job = ended(client, order(client, upload=upload["id"]))
    items = client.get(job["links"]["items"]).json()["items"]
    item = next(i for i in items if i["made"])
    answer = client.post(f"{job['links']['self']}/revert", json={"items": [item["number"]]})
    assert answer.status_code == 202
    less = ended(client, answer.json())
    assert less["parent"] == job["id"] and less["kind"] == "revert"
    assert less["summary"]["items"] == job["summary"]["items"] - 1
    before, after = picture(scan), picture(client.get(less["links"]["picture"]).content)
    top, left, rows, cols = item["box"]
    inside = np.s_[top : top + rows, left : left + cols]
    assert np.array_equal(before[inside], after[inside])
    nothing = client.post(f"{job['links']['self']}/revert", json={"items": []}).json()
    nothing = ended(client, nothing)
    assert client.get(nothing["links"]["picture"]).content == scan
    unknown = client.post(f"{job['links']['self']}/revert", json={"items": [9999]})
    assert unknown.status_code == 400 and "no item 9999" in unknown.json()["detail"]


def test_mask_and_protect_bound_the_change(client: TestClient, upload: dict, scan: bytes) -> None:
    inside, shield = np.zeros((96, 128), np.uint8), np.zeros((96, 128), np.uint8)
    inside[20:40, 30:60], shield[20:30, 30:60] = 255, 255
    names = {"mask": inside, "protect": shield}
    ids = {}
    for name, samples in names.items():
        files = [("file", (f"{name}.png", png(samples)))]
        ids[name] = client.post("/v1/uploads", files=files).json()["uploads"][0]["id"]
    job = ended(client, order(client, upload=upload["id"], **ids))
    assert job["state"] == "succeeded", job["error"]
    changed = picture(scan) != picture(client.get(job["links"]["picture"]).content)
    rows, cols = np.nonzero(changed.any(axis=2))
    assert rows.size and rows.min() >= 30 and rows.max() < 40
    assert cols.min() >= 30 and cols.max() < 60


def test_repairs_are_shown_as_asked(client: TestClient, upload: dict) -> None:
    mended = ended(client, order(client, upload=upload["id"]))
    shown = ended(client, order(client, upload=upload["id"], render="neutral"))
    assert shown["state"] == "succeeded", shown["error"]
    pictures = [client.get(job["links"]["picture"]).content for job in (mended, shown)]
    assert pictures[0] != pictures[1]
    wrong = ended(client, order(client, upload=upload["id"], render="loud"))
    assert wrong["state"] == "failed" and "loud" in wrong["error"]["detail"]


def test_a_reference_gives_colours(client: TestClient) -> None:
    coloured = data.astronaut()[:256, :256]
    grey = np.rint(coloured @ (0.2126, 0.7152, 0.0722)).astype(np.uint8)
    ids = []
    for name, samples in (("grey", grey), ("like", np.ascontiguousarray(coloured))):
        files = [("file", (f"{name}.png", png(samples)))]
        ids.append(client.post("/v1/uploads", files=files).json()["uploads"][0]["id"])
    job = ended(client, order(client, upload=ids[0], reference=ids[1]))
    assert job["state"] == "succeeded", job["error"]
    record = client.get(job["links"]["record"]).json()
    (step,) = (s for s in record["steps"] if s["step"] == "colorize")
    assert step["settings"]["hints"].count("#") >= 4
    wrong = {"kind": "examine", "upload": ids[0], "reference": ids[1]}
    refused = client.post("/v1/jobs", json=wrong)
    assert refused.status_code == 400 and "`restore`" in refused.json()["detail"]


def test_sound_picture_comes_back_as_the_very_same_bytes(client: TestClient) -> None:
    sound = png(np.full((64, 64, 3), 128, np.uint8))
    given = client.post("/v1/uploads", files=[("file", ("sound.png", sound))]).json()
    job = ended(client, order(client, upload=given["uploads"][0]["id"]))
    assert job["summary"]["same_bytes_as_source"] is True
    assert client.get(job["links"]["picture"]).content == sound
    assert job["links"]["evidence"] is None
    assert client.get(f"{job['links']['self']}/evidence").status_code == 404


def test_result_in_another_format_and_depth(client: TestClient, upload: dict) -> None:
    job = ended(client, order(client, upload=upload["id"]))
    base = picture(client.get(job["links"]["picture"]).content)
    deep = client.get(job["links"]["picture"], params={"format": "tiff", "depth": 16})
    assert deep.headers["content-type"] == "image/tiff"
    import tifffile

    assert np.array_equal(tifffile.imread(io.BytesIO(deep.content)), base.astype(np.uint16) * 257)
    lossy = client.get(job["links"]["picture"], params={"format": "jpeg", "quality": 90})
    assert 'filename="grandmother-restored.jpg"' in lossy.headers["content-disposition"]
    assert np.abs(picture(lossy.content).astype(int) - base).mean() < 3
    assert client.get(job["links"]["picture"], params={"format": "exe"}).status_code == 404


def test_compare_measures(client: TestClient, upload: dict) -> None:
    other = png(dusty(seed=1))
    second = client.post("/v1/uploads", files=[("file", ("b.png", other))]).json()["uploads"][0]
    wanted = {"upload": upload["id"], "other": second["id"]}
    measured = client.post("/v1/compare", json=wanted, headers={"Prefer": "wait=30"}).json()
    assert measured["psnr_db"] is None and measured["changed_share"] == 0
    small = client.post("/v1/uploads", files=[("file", ("c.png", png(dusty(40, 50))))]).json()
    wanted["other"] = small["uploads"][0]["id"]
    refused = client.post("/v1/compare", json=wanted, headers={"Prefer": "wait=30"})
    assert refused.status_code == 400 and refused.json()["code"] == "usage-error"
    assert "50 x 40" in refused.json()["detail"]


def test_failed_job_tells_the_librarys_own_words(client: TestClient, upload: dict) -> None:
    job = ended(client, order(client, upload=upload["id"], only=["remove_dusk"]))
    assert job["state"] == "failed"
    assert job["error"]["code"] == "recipe-error" and job["error"]["status"] == 422
    assert "There is no step `remove_dusk`. Did you mean `remove_dust`?" in job["error"]["detail"]
    again = client.post(f"{job['links']['self']}/retry")
    assert again.status_code == 202 and again.json()["id"] != job["id"]
    policy = ended(client, order(client, upload=upload["id"], only=["denoise"], policy="archive"))
    assert policy["error"]["code"] == "policy-error"


def test_deleted_is_gone(client: TestClient, upload: dict) -> None:
    job = ended(client, order(client, upload=upload["id"]))
    assert client.delete(job["links"]["self"]).json() == {"deleted": True, "id": job["id"]}
    assert client.get(job["links"]["self"]).status_code == 404
    assert client.get(job["links"]["picture"]).status_code == 404
    assert client.delete(upload["url"]).status_code == 200
    assert client.get(upload["url"] + "/file").status_code == 404
