"""OBProx-SG on lasso problems whose solutions scikit-learn knows, and what it does to zeros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cdfi_model.pruning.obprox import SETTINGS, OBProxSG, soft_threshold
from cdfi_runtime.errors import InputError
from torch import Tensor


def lasso(seed: int, rows: int = 120, columns: int = 40) -> tuple[Tensor, Tensor]:
    """A design and answers that a few columns explain, with noise."""
    random = np.random.default_rng(seed)
    design = random.standard_normal((rows, columns))
    truth = np.zeros(columns)
    truth[:8] = random.choice([-1, 1], 8) * random.uniform(0.5, 2, 8)
    answers = design @ truth + 0.1 * random.standard_normal(rows)
    return torch.tensor(design), torch.tensor(answers)


def minimise(
    design: Tensor, answers: Tensor, penalty: float, steps: tuple[int, int], batch: int | None
) -> Tensor:
    weight = torch.zeros(design.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = OBProxSG([weight], lr=0.05, penalty=penalty)
    random = torch.Generator().manual_seed(0)
    for phase, count in zip(("proximal", "orthant"), steps, strict=True):
        optimizer.phase = phase  # type: ignore[assignment]
        for step in range(count):
            rows = slice(None)
            if batch is not None:
                rows = torch.randperm(len(design), generator=random)[:batch]  # type: ignore[assignment]
                optimizer.param_groups[0]["lr"] = 0.05 / (1 + step / 200)
            optimizer.zero_grad()
            (0.5 * (design[rows] @ weight - answers[rows]).square().mean()).backward()
            optimizer.step()
    return weight.detach()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [(3000, 0), (60, 3000)])
def test_whole_gradients_find_the_optimum_of_the_lasso(seed: int, steps: tuple[int, int]) -> None:
    from sklearn.linear_model import Lasso

    design, answers = lasso(seed)
    penalty = 0.1
    known = Lasso(alpha=penalty, fit_intercept=False, tol=1e-12, max_iter=100_000)
    known.fit(design.numpy(), answers.numpy())
    found = minimise(design, answers, penalty, steps, None).numpy()
    np.testing.assert_array_equal(found != 0, known.coef_ != 0)
    np.testing.assert_allclose(found, known.coef_, atol=1e-9)
    assert 4 <= np.count_nonzero(found) < 40


def test_batches_find_its_support_and_orthant_steps_make_more_zeros() -> None:
    from sklearn.linear_model import Lasso

    design, answers = lasso(5)
    known = Lasso(alpha=0.1, fit_intercept=False, tol=1e-12, max_iter=100_000)
    known.fit(design.numpy(), answers.numpy())
    proximal = minimise(design, answers, 0.1, (2000, 0), batch=16)
    both = minimise(design, answers, 0.1, (300, 1700), batch=16)
    assert torch.equal(both != 0, torch.tensor(known.coef_ != 0))
    assert both.count_nonzero() <= proximal.count_nonzero()
    np.testing.assert_allclose(both.numpy(), known.coef_, atol=0.05)


def test_a_proximal_step_by_hand() -> None:
    weight = torch.tensor([1.0, -1.0, 0.05, 0.0], requires_grad=True)
    weight.grad = torch.tensor([1.0, 1.0, 0.0, -5.0])
    OBProxSG([weight], lr=0.1, penalty=1.0).step()
    torch.testing.assert_close(weight.detach(), torch.tensor([0.8, -1.0, 0.0, 0.4]))
    assert weight[2] == 0, "exactly"
    torch.testing.assert_close(
        soft_threshold(torch.tensor([2.0, -2.0, 0.5]), 1.0), torch.tensor([1.0, -1.0, 0.0])
    )


def test_an_orthant_step_by_hand() -> None:
    """Crossing zero, lying on it, and falling below eps all end at exactly zero."""
    weight = torch.tensor([1.0, -1.0, 0.05, 0.0, 0.2], requires_grad=True)
    weight.grad = torch.tensor([1.0, 1.0, 5.0, -5.0, 0.0])
    optimizer = OBProxSG([weight], lr=0.1, penalty=1.0, eps=0.15)
    optimizer.phase = "orthant"
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([0.8, -1.0, 0.0, 0.0, 0.0]))
    assert (weight[2:] == 0).all()


def test_groups_choose_what_is_penalised() -> None:
    free, bound = (torch.full((3,), 1e-4, requires_grad=True) for _ in range(2))
    optimizer = OBProxSG([{"params": [bound]}, {"params": [free], "penalty": 0.0}], 1.0, penalty=1)
    for phase in ("proximal", "orthant"):
        optimizer.phase = phase  # type: ignore[assignment]
        for weight in (free, bound):
            weight.grad = torch.zeros(3)
        optimizer.step()
        assert (bound == 0).all()
        assert (free == 1e-4).all()


def test_not_a_number_is_not_hidden_as_zero() -> None:
    weight = torch.ones(2, requires_grad=True)
    weight.grad = torch.tensor([float("nan"), 0.0])
    optimizer = OBProxSG([weight], 0.1, penalty=1.0)
    optimizer.phase = "orthant"
    optimizer.step()
    assert weight[0].isnan() and weight[1].item() == pytest.approx(0.9)


def test_the_phase_is_in_the_checkpoint() -> None:
    weight = torch.ones(2, requires_grad=True)
    optimizer = OBProxSG([weight], 0.1)
    optimizer.phase = "orthant"
    again = OBProxSG([weight], 0.5)
    again.load_state_dict(optimizer.state_dict())
    assert again.phase == "orthant" and again.param_groups[0]["lr"] == 0.1


def test_a_gradient_scaler_may_leave_a_step_out() -> None:
    weight = torch.ones(2, requires_grad=True)
    optimizer = OBProxSG([weight], 0.1, penalty=0.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for gradient in (float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale((weight * gradient).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    torch.testing.assert_close(weight.detach(), torch.full((2,), 0.9))


@pytest.mark.parametrize("values", [{"lr": 0}, {"lr": -1}, {"penalty": -1}, {"eps": -1}])
def test_values_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="OBProx-SG"):
        OBProxSG([torch.ones(1, requires_grad=True)], **values)


def test_both_published_settings_are_there() -> None:
    assert SETTINGS["readme"].proximal_epochs == 2 and SETTINGS["readme"].eps == 1e-4
    assert SETTINGS["long_version"].proximal_epochs == 10
    assert SETTINGS["long_version"].learning_rate == 1e-2


def test_support_steps_keep_zeros_and_leave_the_penalty_out() -> None:
    bound = torch.tensor([1.0, 0.0, -1e-3], requires_grad=True)
    free = torch.zeros(1, requires_grad=True)
    groups = [{"params": [bound]}, {"params": [free], "penalty": 0.0}]
    optimizer = OBProxSG(groups, lr=0.1, penalty=1.0, eps=0.5)
    optimizer.phase = "support"
    bound.grad, free.grad = torch.tensor([1.0, 1.0, -1.0]), torch.ones(1)
    optimizer.step()
    torch.testing.assert_close(bound.detach(), torch.tensor([0.9, 0.0, 0.099]))
    assert bound[1] == 0 and free.item() == pytest.approx(-0.1)


def regression_step(
    weight: Tensor, optimizer: OBProxSG, inputs: Tensor, scaler: Any = None, half: bool = False
) -> None:
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = (inputs @ weight - inputs[:, :2].sum(1)).square().mean()
    if scaler is None:
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("phase", ["proximal", "orthant", "support"])
def test_a_gradient_scaler_changes_no_bit(phase: Any) -> None:
    """Thresholds must see the true gradient: a power of two goes in and out exactly."""
    inputs = torch.randn(16, 8, 8, generator=torch.Generator().manual_seed(0))
    ends = []
    for scaled in (False, True):
        weight = torch.linspace(-0.1, 0.1, 8).requires_grad_()
        optimizer = OBProxSG([weight], lr=0.05, penalty=0.2, eps=1e-3)
        optimizer.phase = phase
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0) if scaled else None
        for batch in inputs:
            regression_step(weight, optimizer, batch, scaler)
        ends.append(weight.detach())
    assert torch.equal(*ends)
    assert phase == "support" or 0 < int(ends[0].count_nonzero()) < 8


def test_autocast_finds_the_zeros_of_single_precision() -> None:
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(300, 32, 12, generator=random) * torch.tensor([1.0] * 4 + [0.01] * 8)
    ends = []
    for half in (False, True):
        weight = torch.full((12,), 0.1, requires_grad=True)
        optimizer = OBProxSG([weight], lr=0.05, penalty=0.05)
        for step, batch in enumerate(inputs):
            optimizer.phase = "proximal" if step < 20 else "orthant"
            regression_step(weight, optimizer, batch + 0.3, half=half)
        assert weight.dtype == torch.float32
        ends.append(weight.detach())
    assert torch.equal(ends[0] == 0, ends[1] == 0) and 0 < int(ends[0].count_nonzero()) < 12
    torch.testing.assert_close(*ends, atol=0.02, rtol=0.05)


def _shared_run(rank: int, world: int, folder: str) -> None:
    """One of ``world`` processes, each on its share of every batch; the first saves the weights."""
    from torch.nn.parallel import DistributedDataParallel

    if world > 1:
        torch.set_num_threads(1)
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world
        )
    model: torch.nn.Module = torch.nn.Linear(12, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.linspace(-0.1, 0.1, 12))  # type: ignore[operator]
    if world > 1:
        model = DistributedDataParallel(model)
    optimizer = OBProxSG(model.parameters(), lr=0.05, penalty=0.3, eps=1e-3)
    inputs = torch.randn(40, 8, 12, generator=torch.Generator().manual_seed(2))
    for step, batch in enumerate(inputs):
        optimizer.phase = "proximal" if step < 5 else "orthant"
        optimizer.zero_grad()
        share = batch.chunk(world)[rank]
        (model(share) - share[:, :3].sum(1, keepdim=True)).square().mean().backward()
        optimizer.step()
    np.save(f"{folder}/{world}_{rank}.npy", next(model.parameters()).detach().numpy())
    if world > 1:
        torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_end_where_one_does(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_shared_run, (2, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call,attr-defined]
    _shared_run(0, 1, str(tmp_path))
    one, first, second = (np.load(tmp_path / name) for name in ("1_0.npy", "2_0.npy", "2_1.npy"))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first == 0, one == 0)
    np.testing.assert_allclose(first, one, atol=1e-5)
    assert 0 < np.count_nonzero(one) < 12
