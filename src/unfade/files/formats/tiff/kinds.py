"""TIFF's numbers for compressions and colours, and which kinds of samples are refused by name."""

from __future__ import annotations

from unfade.errors import UnsupportedInput

NONE, CCITT_RLE, CCITT_G3, CCITT_G4, LZW, OLD_JPEG, JPEG = 1, 2, 3, 4, 5, 6, 7
DEFLATE, PACKBITS, OLD_DEFLATE, LZMA, ZSTD = 8, 32773, 32946, 34925, 50000
COMPRESSIONS = {
    NONE: "none",
    CCITT_RLE: "ccitt-rle",
    CCITT_G3: "ccitt-g3",
    CCITT_G4: "ccitt-g4",
    LZW: "lzw",
    JPEG: "jpeg",
    DEFLATE: "deflate",
    OLD_DEFLATE: "deflate",
    PACKBITS: "packbits",
    LZMA: "lzma",
    ZSTD: "zstd",
}
# Named only to be refused by name.
OTHER_COMPRESSIONS = {
    OLD_JPEG: "old-style JPEG (6)",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy DNG JPEG",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
# No codec makes more than this many bytes out of one; CCITT may make a whole row of one bit.
EXPANSION = {NONE: 1, PACKBITS: 64, LZW: 3000, DEFLATE: 1040, OLD_DEFLATE: 1040, JPEG: 8000}
EXPANSION |= {ZSTD: 40_000, LZMA: 8000}

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
COLOURS = {
    MIN_IS_WHITE: "grey",
    MIN_IS_BLACK: "grey",
    RGB: "rgb",
    PALETTE: "palette",
    CMYK: "cmyk",
    YCBCR: "ycbcr",
}
OTHER_COLOURS = {
    4: "a transparency mask",
    8: "CIELab",
    9: "ICCLab",
    10: "ITULab",
    32803: "a colour filter array (camera raw)",
    32844: "LogL",
    32845: "LogLuv",
    34892: "linear camera raw",
    51177: "a depth map",
}
COLOUR_SAMPLES = {MIN_IS_WHITE: 1, MIN_IS_BLACK: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
CCITT = (CCITT_RLE, CCITT_G3, CCITT_G4)
UINT, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4


def refuse_kind(
    place: str, photometric: int, compression: int, bits: set[int], formats: set[int]
) -> None:
    """Refuse what is not handled, by name.

    Args:
        place: names the file and page
        bits, formats: of all samples of a pixel
    Raises:
        UnsupportedInput: names the kind, and a kind to convert to
    """

    def refuse(what: str, remedy: str) -> UnsupportedInput:
        return UnsupportedInput(f"{place}: {what} cannot be read.", remedy)

    if photometric not in COLOURS:
        name = OTHER_COLOURS.get(photometric, f"photometric interpretation {photometric}")
        raise refuse(name, "Convert it to RGB or grey first.")
    if compression not in COMPRESSIONS:
        name = OTHER_COMPRESSIONS.get(compression, f"number {compression}")
        raise refuse(
            f"compression {name} inside TIFF", "Save it with LZW or deflate compression first."
        )
    if len(bits) != 1 or len(formats) != 1:
        raise refuse(
            f"samples of unequal kind ({sorted(bits)} bits, formats {sorted(formats)})",
            "Convert all channels to the same depth first.",
        )
    (depth,), (form,) = bits, formats
    if form not in (UINT, FLOAT, UNDEFINED):
        name = "signed integer" if form == SIGNED else "complex"
        raise refuse(f"{depth}-bit {name} samples", "Convert to unsigned integers or float first.")
    if form == FLOAT and depth not in (16, 32, 64):
        raise refuse(f"{depth}-bit float samples", "Convert to 32-bit float first.")
    if form != FLOAT and not 1 <= depth <= 16:
        raise refuse(
            f"{depth}-bit unsigned integer samples",
            "Convert to 16-bit integers or 32-bit float first.",
        )
    if photometric == CMYK and (depth != 8 or form == FLOAT):
        raise refuse(f"{depth}-bit CMYK", "Convert it to RGB with its profile first.")
    if photometric == PALETTE and (depth > 8 or form == FLOAT):
        raise refuse(f"a palette of {depth}-bit samples", "Convert it to RGB first.")
    if photometric == YCBCR and compression != JPEG:
        raise refuse("YCbCr without JPEG compression", "Convert it to RGB first.")
    if photometric == MIN_IS_WHITE and form == FLOAT:
        raise refuse("float samples with 0 as white", "Invert it to 0 as black first.")
    if compression == JPEG and depth != 8:
        raise refuse(f"{depth}-bit JPEG inside TIFF", "Save it with deflate compression first.")
    if compression in CCITT and depth != 1:
        raise refuse(f"CCITT compression of {depth}-bit samples", "Save it with deflate first.")
