"""What must hold of DDColor and of spectral normalisation whatever the weights are."""

from __future__ import annotations

import copy
import math
import warnings

import pytest
import torch
from torch import Tensor, nn

from unfade.engines.nets.ddcolor.colour_decoder import ColourDecoder, sine_code
from unfade.engines.nets.ddcolor.network import DDColor, Size
from unfade.engines.nets.ddcolor.pixel_decoder import Enlarge
from unfade.engines.nets.spectral import SpectralConv2d, fold_spectral

COMPACT = Size(depths=(1, 1, 2, 1), widths=(8, 16, 32, 64), width=32, layers=3)


@pytest.fixture(scope="module")
def random_network() -> DDColor:
    torch.manual_seed(7)
    made = DDColor(COMPACT)
    with torch.no_grad():
        for _ in range(3):  # so that the spectral vectors fit the weights
            made(torch.rand(2, 3, 32, 32))
        for name, parameter in made.named_parameters():
            if name.endswith("gamma"):
                nn.init.uniform_(parameter)
    return made.eval()


@pytest.fixture
def network(random_network: DDColor) -> DDColor:
    return copy.deepcopy(random_network)


def close(a: Tensor, b: Tensor, within: float = 1e-5) -> bool:
    return bool((a - b).abs().max() <= within)


@pytest.mark.parametrize("rows, cols", [(32, 32), (64, 96), (160, 32)])
def test_any_multiple_of_32_gives_two_planes_of_its_size(
    network: DDColor, rows: int, cols: int
) -> None:
    assert network(torch.rand(1, 3, rows, cols)).shape == (1, 2, rows, cols)


def test_pictures_of_a_batch_do_not_touch_each_other(network: DDColor) -> None:
    x = torch.rand(2, 3, 64, 64)
    assert close(network(x)[1:], network(x[1:]))


def test_folding_the_spectral_norm_changes_nothing(network: DDColor) -> None:
    x = torch.rand(1, 3, 64, 64)
    before = network(x)
    fold_spectral(network)
    assert not any(isinstance(m, SpectralConv2d) for m in network.modules())
    assert close(network(x), before, 1e-6)


def test_the_last_layer_sees_the_normalised_picture_behind_the_queries(network: DDColor) -> None:
    """With weights on the last three channels alone, a and b are linear in the grey value."""
    fold_spectral(network)
    last = network.refine_net[0][0]  # type: ignore[index]
    with torch.no_grad():
        last.weight.zero_()
        last.weight[0, 100] = 2.0
        last.weight[1, 102] = -1.0
        last.bias.copy_(torch.tensor([0.5, 0.0]))
    x = torch.rand(1, 3, 32, 32)
    ab = network(x)
    assert close(ab[:, 0], 2 * (x[:, 0] - 0.485) / 0.229 + 0.5, 1e-5)
    assert close(ab[:, 1], -(x[:, 2] - 0.406) / 0.225, 1e-5)


def test_the_extra_norms_serve_the_skips_alone(network: DDColor) -> None:
    arch = network.encoder["arch"]
    x = torch.rand(1, 3, 64, 64)
    before = arch(x)
    with torch.no_grad():
        arch.norm1.weight.zero_()
        arch.norm1.bias.fill_(3.0)
        arch.norm.bias.fill_(9.0)  # the classifier's, which plays no part
    after = arch(x)
    assert torch.equal(after[1], torch.full_like(after[1], 3.0))
    assert all(torch.equal(after[i], before[i]) for i in (0, 2, 3))


def test_the_place_code_is_the_written_formula() -> None:
    rows, cols = 3, 5
    code = sine_code(rows, cols, torch.zeros(1)).reshape(rows, cols, 256)
    for r, c, i in ((0, 0, 0), (2, 4, 1), (1, 3, 2), (1, 2, 77), (2, 0, 127)):
        for place, length, at in ((r + 1, rows, i), (c + 1, cols, 128 + i)):
            angle = place / (length + 1e-6) * 2 * math.pi / 10000 ** (2 * (i // 2) / 128)
            wanted = math.sin(angle) if i % 2 == 0 else math.cos(angle)
            assert abs(float(code[r, c, at]) - wanted) < 1e-5


def test_queries_look_at_the_scales_in_turn_coarse_first() -> None:
    torch.manual_seed(8)
    decoder = ColourDecoder((4, 4, 4), queries=5, layers=2).eval()
    memories = [torch.randn(1, 4, s, s) for s in (2, 4, 8)]
    feature = torch.randn(1, 256, 8, 8)
    before = decoder(memories, feature)
    # two layers look at the first and the second scale; the third is not looked at
    assert torch.equal(decoder([*memories[:2], memories[2] + 1], feature), before)
    assert not close(decoder([memories[0] + 1, *memories[1:]], feature), before)
    assert not close(decoder([memories[0], memories[1] + 1, memories[2]], feature), before)


def test_enlarging_blurs_over_two_by_two_from_the_top_left() -> None:
    enlarge = Enlarge(1, 1, 2, normed=False).eval()
    x = torch.rand(1, 1, 2, 2)
    fold_spectral(enlarge)
    conv = enlarge.conv[0]
    with torch.no_grad():
        conv.weight.fill_(1.0)  # type: ignore[union-attr, operator]
        conv.bias.zero_()  # type: ignore[union-attr, operator]
    big = x.repeat_interleave(2, 2).repeat_interleave(2, 3)[0, 0]
    above = torch.cat([big[:1], big[:-1]])
    pairs = big + above
    left = torch.cat([pairs[:, :1], pairs[:, :-1]], dim=1)
    assert close(enlarge(x)[0, 0], (pairs + left) / 4, 1e-6)


def test_spectral_convolutions_agree_with_pytorchs_own() -> None:
    """Same names, same shapes, same numbers: in training, where they iterate, and after it."""
    torch.manual_seed(9)
    mine = SpectralConv2d(3, 8, 3, padding=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = nn.utils.spectral_norm(nn.Conv2d(3, 8, 3, padding=1))
    theirs.load_state_dict(mine.state_dict())
    x = torch.randn(1, 3, 6, 6)
    for _ in range(3):
        assert close(mine.train()(x), theirs.train()(x), 1e-6)
    assert close(mine.eval()(x), theirs.eval()(x), 1e-6)
    for key, value in theirs.state_dict().items():
        assert close(mine.state_dict()[key], value, 1e-6)
    largest = torch.linalg.matrix_norm(mine.weight.flatten(1), 2)
    assert 0.5 < float(largest.detach()) < 2.0
