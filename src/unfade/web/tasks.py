"""From a job as it is written down to a task that an executor can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import Job
from unfade.config import Config
from unfade.errors import UnreadableInput
from unfade.files.limits import Limits
from unfade.web.problems import NotFound
from unfade.web.rows import JobRow, UploadRow
from unfade.web.rules import Rules, available_cores
from unfade.web.shelf import Shelf, allowed_path
from unfade.web.store import Store

MASKS = ("mask", "protect")
WORK = "unfade.web.work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taskmaster:
    """Knows where things lie, and what a child is allowed."""

    store: Store
    shelf: Shelf
    rules: Rules
    config: Config

    def of(self, job: JobRow, folder: Path, running: int) -> Job:
        """The task of a job.

        Args:
            folder: empty, for what is made
            running: how many jobs there are to share the cores with, this one included
        Raises:
            UnreadableInput, NotFound: the source is not there any more
        """
        source = self.source(job)
        arguments: dict[str, Any] = {
            "source": str(source),
            "source_name": job.name,
            "folder": str(folder),
            "names": {str(source): job.name, str(folder): job.name},
            "request": dict(job.request),
            "masks": {},
            "mask_names": {},
            "limits": self.limits,
            "seconds": self.rules.job_seconds * available_cores(),
            "bench": self._bench(running),
        }
        for name in MASKS:
            id = getattr(job, name)
            if id is not None:
                upload = self.store.upload(id, job.user)
                path = str(self.original(upload))
                arguments["masks"][name] = path
                arguments["mask_names"][name] = upload.name
                arguments["names"][path] = upload.name
        if job.other is not None:
            upload = self.store.upload(job.other, job.user)
            arguments["other"] = str(self.original(upload))
            arguments["names"][arguments["other"]] = upload.name
        if job.parent is not None:
            arguments |= self._of_parent(job)
        return Job(
            key=job.id,
            kind=f"{WORK}.mend:{'restore' if job.kind == 'film' else job.kind}",
            arguments=arguments,
            memory_bytes=self.rules.job_memory_bytes,
            time_limit_s=self.rules.job_seconds,
        )

    @property
    def limits(self) -> dict[str, Any]:
        """The bounds on what is read, as of ``Limits``."""
        rules = self.rules
        return asdict(
            Limits(area_mpx=rules.area_mpx, side_px=rules.side_px, aspect=1000.0, pages=rules.pages)
        )

    def source(self, job: JobRow) -> Path:
        """The file that a job begins from."""
        if job.upload is not None:
            return self.original(self.store.upload(job.upload, job.user))
        if job.request.get("path"):
            return allowed_path(str(job.request["path"]), self.rules.allow_paths)
        first = job
        while first.parent is not None:
            first = self.store.job(first.parent, job.user)
        fetched = sorted(self.shelf.fetched(first.id).glob("original.*"))
        if not fetched:
            raise UnreadableInput("The source is not there any more.", "Send the job again.")
        return fetched[0]

    def original(self, upload: UploadRow) -> Path:
        """The bytes of an upload that has arrived."""
        if upload.state != "ready":
            raise NotFound(
                f"`{upload.name}` has not wholly arrived: {upload.offset} of {upload.bytes} bytes.",
                "Send the rest with `PATCH /v1/uploads/{id}`.",
            )
        return self.shelf.original(upload.id, str(upload.facts["extension"]))

    def output(self, job: JobRow) -> Path:
        """The file that a job has made.

        Raises:
            NotFound: it made none
        """
        if not job.summary or "file" not in job.summary:
            raise NotFound(
                f"This job has no picture: it is a job of kind `{job.kind}`, {job.state}.",
                "`GET /v1/jobs/{id}` lists under `links` what there is.",
            )
        return self.shelf.attempt(job.id, job.attempts) / str(job.summary["file"])

    def _of_parent(self, job: JobRow) -> dict[str, Any]:
        parent = self.store.job(str(job.parent), job.user)
        output = self.output(parent)
        facts = parent.summary or {}
        return {
            "output": str(output),
            "items": list(job.request["items"]),
            "rows": facts["rows"],
            "cols": facts["cols"],
            "sha256": facts["sha256"],
        }

    def _bench(self, running: int) -> Mapping[str, Any]:
        cores = self.config.threads or available_cores()
        return {
            "device": self.config.device,
            "runtime": self.config.runtime,
            "memory_bytes": self.config.memory_bytes,
            "threads": max(1, cores // max(1, running)),
            "cache": self.config.cache,
        }
