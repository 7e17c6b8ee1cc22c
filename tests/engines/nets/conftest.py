"""PyTorch computes on one thread here: its threads only wait for each other beside other tests."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
