"""Flatbed work: several photographs on one scan, fronts and backs, dust on the glass.

The journey of a scan: ``platen`` (what the empty lid looks like), ``outlines`` (what is no lid),
``sides`` (each edge at full resolution), ``finding`` (all of it), ``cutting`` (copies, or
straightened), ``pairing`` (fronts and backs), ``writing`` (files and records); ``glass`` finds
what lies on the scanner rather than on the prints.
"""

from unfade.flatbed.cutting import Cut, cut_out, deskew_crop, is_straight
from unfade.flatbed.finding import Layout, find_photographs
from unfade.flatbed.glass import GlassDust, Votes, glass_dust
from unfade.flatbed.pairing import Pairing, pair_backs
from unfade.flatbed.photograph import Photograph
from unfade.flatbed.preview import preview, save_preview
from unfade.flatbed.writing import FORMATS, How, Piece, write_pieces

__all__ = [
    "FORMATS",
    "Cut",
    "GlassDust",
    "How",
    "Layout",
    "Pairing",
    "Photograph",
    "Piece",
    "Votes",
    "cut_out",
    "deskew_crop",
    "find_photographs",
    "glass_dust",
    "is_straight",
    "pair_backs",
    "preview",
    "save_preview",
    "write_pieces",
]
