"""JPEG: read strictly, written back so that what did not change stays the same numbers.

Baseline, extended and progressive Huffman coding with 8 bits: grey, YCbCr, RGB, CMYK and YCCK at
any sampling by whole factors. Markers (EXIF with its thumbnail, XMP, IPTC, profile, comments) go
back in order, byte for byte; the thumbnail therefore shows the picture before its restoration.
Arithmetic, lossless and 12-bit files are refused by name.

CMYK is shown through a fixed ink model (``pixels.ink``), so its colours are approximate; the
inks of unchanged pixels stay as they are.
"""

from unfade.files.formats.jpeg.format import JPEG

__all__ = ["JPEG"]
