"""The child process: bounds itself, then works through tasks until the server is gone.

python -m unfade.web.work.child FD THREADS ADDRESS_BYTES FILE_BYTES OPEN_FILES NICENESS
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Mapping
from typing import Any

from unfade.batch.executors.contract import JobView

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # flags of unshare(2)
_NO_NEW_PRIVILEGES = 38  # of prctl(2)


def harden(address_bytes: int, file_bytes: int, open_files: int, niceness: int) -> None:
    """Give up what a reader of hostile files does not need; not to be undone.

    On Linux the child gets a network namespace of its own, with nothing in it, where the system
    lets unprivileged processes have one.
    """
    os.umask(0o077)
    if niceness:
        os.nice(niceness)
    if sys.platform.startswith("linux"):
        system = ctypes.CDLL(None, use_errno=True)
        if system.unshare(_NEW_NETWORK) != 0:  # root may; others need a user namespace
            system.unshare(_NEW_USER | _NEW_NETWORK)
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if sys.platform != "win32":
        import resource

        for what, bound in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, open_files),
            (resource.RLIMIT_FSIZE, file_bytes),
            (resource.RLIMIT_AS, address_bytes or resource.RLIM_INFINITY),
        ):
            _, hard = resource.getrlimit(what)
            if hard != resource.RLIM_INFINITY:
                bound = min(bound, hard) if bound != resource.RLIM_INFINITY else hard
            resource.setrlimit(what, (bound, bound))


def bound_processor_time(seconds: float) -> None:
    """Let the kernel end this process after so much more processor time.

    A signal handler of Python's own would come too late: native code may run for minutes.
    """
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def warm(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Import what restoring needs, so that the first job does not wait for it."""
    import unfade.journey
    import unfade.web.work.mend
    import unfade.web.work.render  # noqa: F401

    return {"network": has_network()}


def has_network() -> bool:
    """Whether this process sees any network but its own loopback."""
    with contextlib.suppress(OSError), open("/proc/self/net/dev", encoding="ascii") as lines:
        return any(":" in line and line.split(":")[0].strip() != "lo" for line in lines)
    return True


def main(arguments: list[str]) -> None:
    handle, threads, *bounds = (int(each) for each in arguments)
    harden(*bounds)
    from unfade.batch.executors.worker import serve
    from unfade.web.pipe import JsonPipe

    serve(JsonPipe(handle), threads)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
