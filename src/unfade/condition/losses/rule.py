"""Whether places of one tone are losses: a rule fitted by ``benchmarks/paintings_fit.py``."""

MEAN = (
    3.1513,  # log_pieces
    -3.0956,  # log_share
    0.6951,  # log_rest
    0.3467,  # hard
    0.1901,  # hard_low
    2.6134,  # log_edge
    1.3372,  # log_spread
    1.3285,  # log_spread_high
    1.2103,  # log_ragged
    2.7740,  # log_thick
    0.4839,  # light
    0.3499,  # chroma
    0.5078,  # light_rank
    1.8643,  # log_variety
    0.9958,  # log_mean_spread
)
WEIGHTS = (
    -1.7139,  # log_pieces
    -0.4766,  # log_share
    -0.4921,  # log_rest
    2.6342,  # hard
    1.4957,  # hard_low
    0.5369,  # log_edge
    -6.3860,  # log_spread
    0.9177,  # log_spread_high
    1.7611,  # log_ragged
    -1.5457,  # log_thick
    1.1141,  # light
    -0.6006,  # chroma
    2.2149,  # light_rank
    3.0550,  # log_variety
    -1.4196,  # log_mean_spread
)
BIAS = -4.9904
