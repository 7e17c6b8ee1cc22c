"""Compares a fresh build of the page with the committed one: python same_page.py FRESH COMMITTED.

File by file, byte by byte; packed files by what is in them, because versions of zlib pack
differently.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes, unpacked."""
    return {
        path.relative_to(folder).as_posix(): (
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def main(fresh: Path, committed: Path) -> int:
    new, old = contents(fresh), contents(committed)
    differing = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    for name in differing:
        state = "missing" if name not in old else "left over" if name not in new else "stale"
        print(f"{committed / name}: {state}", file=sys.stderr)
    if differing:
        print("Build it with `make page` and commit the result.", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
