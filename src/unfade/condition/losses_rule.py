"""Whether places of one tone are losses: a rule fitted by ``benchmarks/paintings_fit.py``."""

MEAN = (
    3.1966,  # log_pieces
    -3.1172,  # log_share
    0.6294,  # log_rest
    0.3357,  # hard
    0.1841,  # hard_low
    2.5962,  # log_edge
    1.3630,  # log_spread
    1.3578,  # log_spread_high
    1.2212,  # log_ragged
    2.7199,  # log_thick
    0.4813,  # light
    0.3841,  # chroma
    0.5102,  # light_rank
    1.8836,  # log_variety
    1.0241,  # log_mean_spread
)
WEIGHTS = (
    -1.1580,  # log_pieces
    -0.8027,  # log_share
    -0.7065,  # log_rest
    10.5964,  # hard
    2.4011,  # hard_low
    -1.4814,  # log_edge
    -9.5576,  # log_spread
    2.9463,  # log_spread_high
    0.5887,  # log_ragged
    -1.4146,  # log_thick
    1.5117,  # light
    -0.6611,  # chroma
    2.0918,  # light_rank
    2.8517,  # log_variety
    -1.7145,  # log_mean_spread
)
BIAS = -7.2309
