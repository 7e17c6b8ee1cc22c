"""A film: a strip of pictures with sound, subtitles and times that are left alone.

In the order of the journey:

    kinds      is this file a film?
    probe      what is in it: streams, times, pixels, colour; what would be lost
    layout     how a frame's pixels are stored, and its planes as arrays
    reader     frames, in order, from any frame on; damage is listed, never swallowed
    look       what is measured once for the whole film: cuts, flicker, weave, cadence
    treat      the chain of temporal steps, and the guard that compares what must be equal
    steady     per-frame steps made steady by optical flow
    repairs    the list of repairs: one row each, with the samples that were put in
    begun      what is settled before frames are looked at: recipe, output, the job's folder
    segments   long work in pieces, with a ledger, so that a kill costs one piece
    joints     where pieces meet that were made apart: they are compared
    writer     masters and access copies; ``mux`` puts the untouched streams back
    journey    ``restore_film`` and ``FilmResult``
    report     side by side, contact sheet, HTML

Planes stay in the film's own pixel format (for instance Y, U, V of 4:2:0 in 10 bits): what no
step touches has the same bits at the end, because it was never converted.
"""
