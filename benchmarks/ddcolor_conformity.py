"""DDColor of unfade beside the one of `spandrel-extra-arches`, on the same random weights.

    python benchmarks/ddcolor_conformity.py [--size tiny|large]

Needs `pip install 'unfade[noncommercial]'`. The weights are random, moved by a few training passes
so that spectral vectors and running statistics fit them, and jittered. Printed: tensors in both
state dicts, names that differ, and the largest difference of the outputs at three sizes.
"""

from __future__ import annotations

import argparse

import torch

from unfade.engines.nets.ddcolor.network import SIZES, DDColor
from unfade.engines.nets.spectral import fold_spectral
from unfade.engines.torch_door import open_beside_torch

ENCODERS = {"tiny": "convnext-t", "large": "convnext-l"}
SIDES = ((256, 256), (512, 512), (256, 320))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, action="append")
    for size in parser.parse_args().size or SIZES:
        compare(size)


def compare(size: str) -> None:
    where = "spandrel_extra_arches.architectures.DDColor.__arch.ddcolor"
    module = open_beside_torch(where, to="compare DDColor", extra="noncommercial")
    torch.manual_seed(0)
    theirs = module.DDColor(
        encoder_name=ENCODERS[size], decoder_name="MultiScaleColorDecoder", num_input_channels=3,
        input_size=(256, 256), nf=512, num_output_channels=2, last_norm="Spectral",
        do_normalize=False, num_queries=100, num_scales=3, dec_layers=9,
    )  # fmt: skip
    with torch.no_grad():
        for _ in range(4):
            theirs(torch.rand(2, 3, 64, 64))
        for parameter in theirs.parameters():
            if parameter.ndim == 1:
                parameter.mul_(1 + 0.1 * torch.randn_like(parameter))
                parameter.add_(0.05 * torch.randn_like(parameter))
    weights = theirs.eval().state_dict()
    mine = DDColor(SIZES[size])
    apart = set(weights) ^ set(mine.state_dict())
    mine.load_state_dict(weights)
    fold_spectral(mine.eval())
    print(f"{size}: {len(weights)} tensors, {len(apart)} names differ")
    for rows, cols in SIDES:
        x = torch.rand(1, 3, rows, cols)
        with torch.inference_mode():
            a, b = theirs(x), mine(x)
        print(f"  {rows} x {cols}: outputs up to {a.abs().max():.2f}, apart by "
              f"{(a - b).abs().max():.1e} at most")  # fmt: skip


if __name__ == "__main__":
    main()
