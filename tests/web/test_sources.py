"""Pictures that are not uploaded: files of the server, objects in a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from stores import ACCESS, SECRET, rclone
from studio_live import dusty, live, png, write


def test_path_and_s3_when_they_are_allowed(tmp_path: Path, folder: Path) -> None:
    allowed, bucket = tmp_path / "scans", tmp_path / "store" / "archive"
    allowed.mkdir()
    (bucket / "box 3").mkdir(parents=True)
    (tmp_path / "store" / "other").mkdir()
    write(allowed / "here.png", dusty())
    write(bucket / "box 3" / "far.png", dusty(seed=2))
    (tmp_path / "store" / "other" / "far.png").write_bytes(png(np.zeros((9, 9, 3), np.uint8)))
    with rclone(tmp_path / "store") as s3:
        secrets = {
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": s3.url,
            "AWS_REGION": "us-east-1",
        }
        options = ("--allow-path", str(allowed), "--s3-bucket", "archive", "--workers", "1")
        with live("--data", str(folder), *options, environment=secrets) as server:
            assert server.client.get("/v1/limits").json()["sources"] == ["upload", "path", "s3"]
            here = server.ended(server.order(path=str(allowed / "here.png")))
            assert here["state"] == "succeeded", here["error"]
            assert here["summary"]["name"] == "here-restored.png"
            assert sorted(p.name for p in allowed.iterdir()) == ["here.png"]
            far = server.ended(server.order(s3="s3://archive/box 3/far.png"))
            assert far["state"] == "succeeded", far["error"]
            assert far["summary"]["items"] > 0 and far["name"] == "far.png"
            # repairs of both can be taken back
            for job in (here, far):
                answer = server.client.post(f"{job['links']['self']}/revert", json={"items": [1]})
                less = server.ended(answer.json())
                assert less["summary"]["items"] == job["summary"]["items"] - 1
            gone = server.ended(server.order(s3="s3://archive/nothing.png"))
            assert gone["error"]["code"] == "unreadable-input"
            for wanted in ({"s3": "s3://other/far.png"}, {"path": str(bucket / "box 3/far.png")}):
                assert server.client.post("/v1/jobs", json=wanted).status_code == 403
            log = "".join(server.log)
            assert SECRET not in log and "Traceback" not in log
