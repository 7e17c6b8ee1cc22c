"""Files: bytes become pictures, pictures become bytes, and nothing is lost on the way.

Reading is strict, writing keeps what did not change, results appear whole or not at all.
"""

from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.limits import DEFAULT_LIMITS, Limits
from unfade.files.read import load_mask, open_picture, read_header
from unfade.files.write import (
    back_up,
    copy_original,
    same_format,
    save_evidence,
    save_mask,
    save_picture,
    usual_extension,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Blocks",
    "Header",
    "Limits",
    "Opened",
    "WriteOptions",
    "back_up",
    "copy_original",
    "load_mask",
    "open_picture",
    "read_header",
    "same_format",
    "save_evidence",
    "save_mask",
    "save_picture",
    "usual_extension",
]
