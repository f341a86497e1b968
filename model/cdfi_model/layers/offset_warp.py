"""One bilinear sample per pixel: how features and frames follow the expected offset."""

from __future__ import annotations

import torch
from torch import Tensor

from cdfi_model.spec import WarpSpec
from cdfi_model.warp import WARPS, bilinear_sampler
from cdfi_model.warp.positions import pixel_positions


def offset_warp(image: Tensor, offset: Tensor, formulation: str = "per_tap") -> Tensor:
    """Sample ``image`` at ``p + offset(p)``; positions outside take the border's value.

    Args:
        image: ``(B, C, H, W)``.
        offset: ``(B, 2, H, W)`` row and column offset in pixels.
        formulation: That of the network's warp; it says how samples are taken.

    Returns:
        ``(B, C, H, W)`` in the dtype of ``image``. Coordinates are float32 at least: half
        precision would be off by tenths of a pixel at phone sizes.
    """
    height, width = image.shape[-2:]
    position = offset.float() if offset.dtype != torch.float64 else offset
    rows = pixel_positions(height, position)[:, None]
    columns = pixel_positions(width, position)[None, :]
    if WARPS.get(formulation).sampler == "fused":
        from cdfi_model.warp.formulations.fused import sample

        rows, columns = position[:, :1], position[:, 1:]
        return sample(image.to(position.dtype), rows, columns).to(image.dtype)
    sampled = bilinear_sampler(formulation)(
        image.to(position.dtype), position[:, :1] + rows, position[:, 1:] + columns
    ).squeeze(2)
    return sampled.to(image.dtype)


def expected_offset(weight: Tensor, alpha: Tensor, beta: Tensor, spec: WarpSpec) -> Tensor:
    """Where the taps sample on average: ``sum_kl W_kl * (tap_kl + offset_kl)``.

    Args:
        weight: ``(B, F * F, H, W)``, normalised over the taps; tap ``(k, l)`` is ``k * F + l``.
        alpha: The same shape, row offsets in pixels.
        beta: Column offsets.
        spec: Taps and dilation.

    Returns:
        ``(B, 2, H, W)`` rows, then columns, in pixels from the output pixel.
    """
    steps = torch.arange(spec.taps, dtype=weight.dtype, device=weight.device)
    steps = steps * spec.dilation - spec.reach
    rows = steps.repeat_interleave(spec.taps)[:, None, None]
    columns = steps.repeat(spec.taps)[:, None, None]
    offsets = ((weight * (grid + own)).sum(1) for grid, own in ((rows, alpha), (columns, beta)))
    return torch.stack(list(offsets), 1)
