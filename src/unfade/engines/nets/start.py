"""First weights of unfade's own networks."""

from __future__ import annotations

from torch import nn


def he_start(net: nn.Module) -> None:
    """Convolutions as in He et al. 2015 for rectified units, biases at nothing."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
