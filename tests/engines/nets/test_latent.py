"""What must hold of the latent networks whatever their weights are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfade.engines.nets.latent import mapping as mapping_module
from unfade.engines.nets.latent.blocks import PictureNorm, Residual
from unfade.engines.nets.latent.detector import BlurDown, ScratchDetector
from unfade.engines.nets.latent.face import FaceGenerator, SpadeNorm
from unfade.engines.nets.latent.mapping import (
    PartialNonLocal,
    PlainMapping,
    ScratchMapping,
    valid_places,
)
from unfade.engines.nets.latent.patch_attention import PatchAttention, PatchMapping, copy_patches
from unfade.engines.nets.latent.vae import Vae


@pytest.fixture(autouse=True)
def _same_chance() -> None:
    torch.manual_seed(5)


def close(a: Tensor, b: Tensor, within: float = 1e-5) -> bool:
    return bool((a - b).abs().max() <= within)


# -- blocks -------------------------------------------------------------------------------------


def test_the_norm_alone_is_instance_norm() -> None:
    x = torch.randn(2, 5, 7, 9) * 3 + 1
    assert close(PictureNorm()(x), nn.InstanceNorm2d(5)(x), 1e-6)


def test_a_residual_block_with_zero_weights_is_the_identity() -> None:
    block = Residual(6)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 6, 5, 4)
    assert torch.equal(block(x), x)  # and nothing comes after the sum: negative values pass


# -- auto-encoders ------------------------------------------------------------------------------


def test_the_latent_is_a_quarter_of_the_picture_and_comes_back_to_its_size() -> None:
    made, mean = Vae(8)(torch.rand(2, 3, 36, 52) * 2 - 1)
    assert mean.shape == (2, 8, 9, 13)
    assert made.shape == (2, 3, 36, 52)
    assert made.abs().max() <= 1


def test_the_encoder_sees_neither_brightness_nor_contrast() -> None:
    """Each channel is normalised over the picture, and the border is reflected, not black."""
    network = Vae(8)
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    assert close(network.encoder(x), network.encoder(0.4 * x + 0.3), 2e-3)
    assert not close(network.encoder(x), network.encoder(-x), 1e-1)


def test_pictures_of_a_batch_do_not_touch_each_other() -> None:
    x = torch.rand(2, 3, 32, 32)
    mask = (torch.rand(2, 1, 32, 32) > 0.8).float()
    latent = torch.randn(2, 8, 8, 8)
    for network in (PlainMapping(8, 16), ScratchMapping(8, 16), PatchMapping(8, 16)):
        both = network(latent, mask)
        assert close(both[1:], network(latent[1:], mask[1:]))
    vae = Vae(8)
    assert close(vae(x)[0][1:], vae(x[1:])[0])


def test_mirrored_weights_on_a_mirrored_picture_give_the_mirrored_result() -> None:
    """Padding and strides treat left and right alike (transposed convolutions too)."""
    network, mirrored = Vae(8), Vae(8)
    mirrored.load_state_dict(
        {k: v.flip(-1) if v.ndim == 4 else v for k, v in network.state_dict().items()}
    )
    x = torch.rand(1, 3, 32, 40)
    assert close(network(x)[0].flip(-1), mirrored(x.flip(-1))[0], 1e-4)


# -- partial non-local block --------------------------------------------------------------------


def test_without_scratches_the_block_changes_nothing() -> None:
    block = PartialNonLocal(8)
    nn.init.normal_(block.W.weight)
    x = torch.randn(2, 8, 6, 5)
    assert torch.equal(block(x, torch.zeros(2, 1, 24, 20)), x)


def test_a_new_block_puts_nothing_where_the_scratch_is() -> None:
    block = PartialNonLocal(8)  # its last layer begins at zero
    x = torch.randn(1, 8, 6, 6)
    mask = torch.zeros(1, 1, 24, 24)
    mask[..., 8:12, :] = 1
    result = block(x, mask)
    assert close(result[..., 2, :], torch.zeros(1, 8, 6), 1e-4)
    assert torch.equal(result[..., [0, 1, 3, 4, 5], :], x[..., [0, 1, 3, 4, 5], :])


def test_scratched_places_are_never_looked_at() -> None:
    block = attending(8)
    mask = torch.zeros(1, 1, 24, 24)
    mask[..., 8:16, 8:16] = 1
    x = torch.randn(1, 8, 6, 6)
    other = x.clone()
    other[..., 2, 2] += 5  # scratched
    before, after = block(x, mask), block(other, mask)
    elsewhere = torch.ones(6, 6, dtype=torch.bool)
    elsewhere[2, 2] = False  # its own query has changed
    assert close(before[..., elsewhere], after[..., elsewhere], 1e-6)
    other = x.clone()
    other[..., 0, 0] += 5  # sound
    assert not close(block(other, mask)[..., 3, 3], before[..., 3, 3], 1e-4)


def test_the_attention_is_the_written_formula() -> None:
    block = attending(8)
    x = torch.randn(1, 8, 4, 5)
    mask = (torch.rand(1, 1, 16, 20) > 0.9).float()
    v = valid_places(mask, 4, 5).flatten()
    theta, phi, g = (part(x)[0].flatten(1) for part in (block.theta, block.phi, block.g))
    share = torch.softmax(theta.t() @ phi, dim=1) * v
    share = share / share.sum(dim=1, keepdim=True)
    seen = (share @ g.t()).t().reshape(1, 8, 4, 5)
    keep = v.reshape(1, 1, 4, 5)
    assert 0 < v.mean() < 1
    assert close(block(x, mask), keep * x + (1 - keep) * block.W(seen))


def test_the_rows_that_are_held_at_once_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    block = attending(8)
    x, mask = torch.randn(1, 8, 6, 7), (torch.rand(1, 1, 24, 28) > 0.8).float()
    whole = block(x, mask)
    monkeypatch.setattr(mapping_module, "ROWS_AT_ONCE", 5)
    assert close(block(x, mask), whole, 1e-6)


def test_a_wholly_scratched_picture_gives_finite_values() -> None:
    assert attending(8)(torch.randn(1, 8, 4, 4), torch.ones(1, 1, 16, 16)).isfinite().all()


@pytest.mark.parametrize("row, seen", [(4, True), (5, True), (6, True), (7, False)])
def test_which_single_lines_of_a_mask_are_seen(row: int, seen: bool) -> None:
    """As in the published code: of four rows the bilinear step reads two, the nearest one."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., row, :] = 1
    valid = valid_places(mask, 4, 4)
    assert bool((valid[..., 1, :] == 0).all()) is seen
    assert (valid[..., [0, 2, 3], :] == 1).all()


def attending(width: int) -> PartialNonLocal:
    """A block whose result is the attended features themselves, without residual blocks."""
    block = PartialNonLocal(width)
    nn.init.normal_(block.W.weight)
    block.res_block = nn.Sequential()
    return block


# -- patch attention ----------------------------------------------------------------------------


@pytest.mark.parametrize("patch", [2, 4, 8])
def test_patches_are_copied_as_a_plain_search_copies_them(patch: int) -> None:
    x = torch.randn(2, 3, 16, 24)
    mask = (torch.rand(2, 1, 16 // patch, 24 // patch) > 0.7).float()
    mask = mask.repeat_interleave(patch, 2).repeat_interleave(patch, 3)
    result = copy_patches(x, mask, patch)
    for picture, hole, made in zip(x, mask[:, 0], result):
        places = [(r, c) for r in range(0, 16, patch) for c in range(0, 24, patch)]
        cells = {p: picture[:, p[0] : p[0] + patch, p[1] : p[1] + patch] for p in places}
        sound = [p for p in places if not hole[p]]
        assert sound and len(sound) < len(places)
        for p in places:
            if hole[p]:
                best = max(sound, key=lambda q: float(torch.cosine_similarity(
                    cells[p].flatten(), cells[q].flatten(), dim=0)))  # fmt: skip
            else:
                best = p
            there = made[:, p[0] : p[0] + patch, p[1] : p[1] + patch]
            assert torch.equal(there, cells[best])


def test_a_patch_counts_as_scratched_above_six_tenths() -> None:
    x = torch.randn(1, 2, 4, 10)
    for scratched, copied in ((9, False), (10, True)):  # of 16 places: 0.5625 and 0.625
        mask = torch.zeros(1, 1, 4, 8)
        mask[0, 0].view(-1)[[r * 8 + c for r in range(4) for c in range(4)][:scratched]] = 1
        result = copy_patches(x[..., :8], mask, 4)
        assert torch.equal(result[..., :4], x[..., 4:8] if copied else x[..., :4])
        assert torch.equal(result[..., 4:], x[..., 4:8])


def test_with_every_patch_scratched_nothing_is_copied() -> None:
    x = torch.randn(1, 2, 8, 8)
    assert torch.equal(copy_patches(x, torch.ones(1, 1, 8, 8), 4), x)


def test_combining_weights_that_pass_the_input_on_make_it_the_identity() -> None:
    block = PatchAttention(4, 2)
    nn.init.zeros_(block.F_Combine.weight)
    assert block.F_Combine.bias is not None
    nn.init.zeros_(block.F_Combine.bias)
    with torch.no_grad():
        for i in range(4):  # the input comes first, then the composed map, then the mask
            block.F_Combine.weight[i, i, 1, 1] = 1
    z = torch.randn(1, 4, 8, 8)
    assert torch.equal(block(z, torch.ones(1, 1, 32, 32)), z)


def test_sides_that_would_lose_their_border_are_refused() -> None:
    with pytest.raises(ValueError, match="12 x 16, expected multiples of 8"):
        PatchMapping(8, 16)(torch.zeros(1, 8, 12, 16), torch.zeros(1, 1, 48, 64))


# -- detector and face generator ----------------------------------------------------------------


def test_the_blur_keeps_a_constant_and_is_binomial() -> None:
    down = BlurDown(2)
    assert close(down(torch.full((1, 2, 8, 8), 3.0)), torch.full((1, 2, 4, 4), 3.0), 1e-6)
    assert torch.equal(down.filt[1, 0] * 16, torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]))


def test_the_detector_moves_with_the_picture() -> None:
    """A shift by 16 pixels shifts the answer, far from the borders."""
    network = ScratchDetector(4).eval()
    x = torch.randn(1, 1, 512, 64)
    moved = torch.roll(x, 16, dims=2)
    inner = slice(200, 300)
    before = network(x)[:, :, inner]
    after = torch.roll(network(moved), -16, dims=2)[:, :, inner]
    assert before.shape == (1, 1, 100, 64)
    assert close(before, after, 1e-5)


def test_the_detector_answers_for_each_picture_alone() -> None:
    network = ScratchDetector(4).eval()
    x = torch.randn(2, 1, 32, 48)
    assert close(network(x)[1:], network(x[1:]))


@pytest.mark.parametrize("side", [64, 96])
def test_the_face_generator_gives_the_side_that_it_got(side: int) -> None:
    network = FaceGenerator(4, inner=8).eval()
    faces = torch.rand(2, 3, side, side) * 2 - 1
    made = network(faces)
    assert made.shape == faces.shape
    assert made.abs().max() <= 1
    assert close(made[1:], network(faces[1:]))


def test_spade_without_steering_is_batch_normalisation() -> None:
    norm = SpadeNorm(6, 8).eval()
    for part in (norm.mlp_gamma, norm.mlp_beta):
        nn.init.zeros_(part.weight)
        assert part.bias is not None
        nn.init.zeros_(part.bias)
    norm.param_free_norm.running_mean = torch.randn(6)  # type: ignore[assignment]
    norm.param_free_norm.running_var = torch.rand(6) + 0.5  # type: ignore[assignment]
    x = torch.randn(1, 6, 4, 4)
    assert torch.equal(norm(x, torch.rand(1, 3, 32, 32)), norm.param_free_norm(x))
    nn.init.constant_(norm.mlp_gamma.bias, 1.0)  # type: ignore[arg-type]
    assert close(norm(x, torch.rand(1, 3, 32, 32)), 2 * norm.param_free_norm(x), 1e-6)
