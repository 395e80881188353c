"""The private access: its draws, the noise of its steps, and what it refuses."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from privacy.access import PrivateAccess
from shared.access.contract import BatchPlan, Phase, RowLosses
from shared.errors import BudgetRefused, DataError
from shared.training.ghost_layers import BlockLinear

ANY = BatchPlan(batch_units=1, steps=1)


@pytest.fixture
def access(calibrated, unit_frame):
    """``access(units)`` or ``access([rows of each unit])``."""

    def build(units, *, noise=None, max_rows=16384, **fields):
        rows = [1] * units if isinstance(units, int) else units
        data = unit_frame([], {"id": np.repeat(np.arange(len(rows)), rows)})
        return PrivateAccess(data, calibrated(**fields), noise=noise, max_rows=max_rows)

    return build


def _batches(access, units: int):
    return access.batches(units, access.plan(ANY), seed=0)


class Scorer(nn.Module):
    """A loss of each row that has a gradient in ``used`` alone."""

    def __init__(self, ghost: bool = True) -> None:
        super().__init__()
        self.used = BlockLinear(1, 2, 1) if ghost else nn.Linear(2, 1)
        self.untouched = BlockLinear(1, 40, 50) if ghost else nn.Linear(40, 50)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        outputs = self.used(features[None] if isinstance(self.used, BlockLinear) else features)
        return outputs.reshape(-1)


def _phase(module: nn.Module, rows: list[int], sizes: list[int] | None = None, **fields) -> Phase:
    """Row ``i`` of all units has features (1, i); ``sizes`` notes how many rows each call of the losses had."""
    offsets = np.concatenate([[0], np.cumsum(rows)])

    def losses(units):
        places = np.concatenate([np.arange(offsets[u], offsets[u + 1]) for u in units] or [np.zeros(0, np.int64)])
        if sizes is not None:
            sizes.append(len(places))
        features = torch.tensor(np.stack([np.ones(len(places)), places], 1), dtype=torch.float32)
        owner = np.repeat(np.arange(len(units)), np.diff(offsets)[units])
        return RowLosses(module(features), torch.from_numpy(owner))

    return Phase(module, losses, **fields)


def _flat(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in module.parameters()])


def test_the_number_of_units_is_the_declared_one(access):
    assert access(37, units_about=50).units == 50


def test_the_plan_is_the_calibrated_one_whatever_is_preferred(access):
    assert access(37).plan(BatchPlan(batch_units=7, steps=9)) == BatchPlan(batch_units=10, steps=20)


def test_batches_draw_each_unit_with_the_declared_probability(access, unlikely):
    """q follows from the declared number of units (100), not from the 2,000 that there are."""
    units, steps = 2_000, 300
    drawn = list(_batches(access(units, steps=steps), units))
    assert len(drawn) == steps
    total = np.concatenate(drawn)
    assert stats.binomtest(len(total), units * steps, 0.1).pvalue > unlikely
    per_unit = np.bincount(total, minlength=units)
    below = stats.chi2.cdf(np.square(per_unit - steps * 0.1).sum() / (steps * 0.09), units)
    assert unlikely < below < 1 - unlikely


def test_batch_sizes_scatter_as_independent_coins_do(access, unlikely):
    def chance(sizes):
        below = stats.chi2.cdf(np.square(np.asarray(sizes) - 20).sum() / 18, len(sizes))
        return 2 * min(below, 1 - below)

    sizes = [len(batch) for batch in _batches(access(200, steps=2_000), 200)]
    assert chance(sizes) > unlikely
    assert chance([20] * 2_000) < unlikely  # batches of a fixed size are no Poisson sampling


def test_units_are_drawn_independently_of_one_another(access, unlikely):
    drawn = np.zeros((4_000, 2))
    for step, batch in enumerate(_batches(access(2, steps=4_000, batch_units=50), 2)):
        drawn[step, batch] = 1
    table = [[np.sum((drawn == (a, b)).all(1)) for b in (0, 1)] for a in (0, 1)]
    assert stats.chi2_contingency(table).pvalue > unlikely


def test_empty_batches_happen_and_are_steps(access):
    private, module = access(3, steps=60, batch_units=20), Scorer()
    phase, empty = _phase(module, [1] * 3), 0
    for batch in _batches(private, 3):
        loss = private.step(phase, batch)
        assert torch.count_nonzero(_flat(module) == 0) == 0
        if len(batch) == 0:
            empty += 1
            assert loss == 0.0
    assert empty > 0


def test_draws_cannot_be_repeated_by_the_seed(access):
    first, second = (np.concatenate(list(_batches(access(200), 200))) for _ in range(2))
    assert len(first) != len(second) or not np.array_equal(first, second)


@pytest.mark.parametrize("ghost", [True, False])
def test_steps_have_the_noise_of_the_mechanism_and_no_other(access, ghost, normal_fit, unlikely):
    """Every parameter gets it, those that no row touched too, divided by the declared batch."""

    def noise_of(multiplier):
        private, module = access(5, steps=12, batch_units=1, training_multiplier=multiplier), Scorer(ghost)
        phase, draws = _phase(module, [1] * 5), []
        for batch in _batches(private, 5):
            private.step(phase, batch)
            draws += [parameter.grad.clone() for parameter in module.untouched.parameters()]
        return torch.cat([draw.flatten() for draw in draws]).numpy()

    claimed = 3.0 * 0.5 / 1
    assert normal_fit(noise_of(3.0), claimed) > unlikely
    assert normal_fit(noise_of(3.0 * 2 / 3), claimed) < unlikely
    assert normal_fit(noise_of(3.0 * 3 / 2), claimed) < unlikely


def test_gradients_are_divided_by_the_declared_batch_and_not_by_the_drawn_one(access, silent):
    rows = [1, 2, 3, 4] * 10
    private, module = access(rows, noise=silent, batch_units=50, units_about=50), Scorer()
    batch = next(iter(_batches(private, len(rows))))
    # With q = 1 all are drawn; each gradient is Σ features / 4, clipped to 0.5 together with its bias.
    private.step(_phase(module, rows), np.arange(len(rows)))
    assert len(batch) == len(rows)
    expected, start = torch.zeros(3), 0
    for n in rows:
        gradient = torch.tensor([n, sum(range(start, start + n)), n], dtype=torch.float32) / 4
        expected += gradient * min(1.0, 0.5 / float(gradient.norm()))
        start += n
    torch.testing.assert_close(_flat(module)[:3], expected / 50, rtol=1e-5, atol=0)


def test_steps_over_several_chunks_give_the_same_sum(access, silent):
    rows, results, calls = [1, 4, 2, 3] * 10, [], []
    for most in (16384, 7):
        private, module, sizes = access(rows, noise=silent, units_about=10, max_rows=most), Scorer(), []
        batch = next(iter(_batches(private, len(rows))))
        loss = private.step(_phase(module, rows, sizes), batch)
        results.append((_flat(module), loss))
        calls.append(sizes)
    torch.testing.assert_close(results[0][0], results[1][0])
    assert results[0][1] == pytest.approx(results[1][1])
    assert calls[0] == [100]
    assert max(calls[1]) <= 7
    assert sum(calls[1]) == 100


def test_steps_beyond_those_paid_for_are_refused(access):
    private, module = access(5, steps=2), Scorer()
    phase = _phase(module, [1] * 5)
    batches = list(_batches(private, 5))
    assert len(batches) == 2
    private.step(phase, batches[1])
    with pytest.raises(BudgetRefused, match="the batch that was drawn last, once"):
        private.step(phase, batches[1])


def test_a_step_takes_only_units_that_were_drawn(access):
    private = access(5)
    with pytest.raises(BudgetRefused, match="the batch that was drawn last"):
        private.step(_phase(Scorer(), [1] * 5), np.arange(5))
    next(iter(_batches(private, 5)))
    with pytest.raises(BudgetRefused, match="the batch that was drawn last"):
        private.step(_phase(Scorer(), [1] * 5), np.array([0, 0, 1]))


def test_batches_are_given_once(access):
    private = access(5)
    _batches(private, 5)
    with pytest.raises(BudgetRefused, match="a further training needs its own release"):
        _batches(private, 5)


def test_a_loss_outside_of_the_steps_is_refused(access):
    private = access(10, units_about=10)
    with pytest.raises(BudgetRefused, match="leave validation out"):
        private.evaluate(_phase(Scorer(), [1] * 10), np.arange(3))


def test_training_without_a_budget_is_refused(access):
    with pytest.raises(BudgetRefused, match="no noise was calibrated for training"):
        _batches(access(5, training_multiplier=0.0), 5)


def test_a_plan_that_was_not_paid_for_is_refused(access):
    with pytest.raises(BudgetRefused, match="21 steps of 10 units are not what was paid for"):
        access(5).batches(5, BatchPlan(batch_units=10, steps=21), seed=0)


def test_encoded_data_of_other_units_are_refused_without_telling_their_number(access):
    with pytest.raises(DataError, match="not those of this access") as caught:
        _batches(access(37), 38)
    assert "37" not in str(caught.value)


def test_a_phase_that_touches_no_records_is_free_and_exact(access):
    private, module = access(4, steps=1), Scorer(ghost=False)
    for _ in range(3):
        loss = private.step(_phase(module, [1] * 4, touches_records=False), np.arange(4))
        assert module.used.weight.grad.tolist() == [[1.0, 1.5]]
        assert loss == 0.0
    assert private.step(_phase(module, [1] * 4, touches_records=False), np.zeros(0, np.int64)) == 0.0
    assert len(list(_batches(private, 4))) == 1


def test_frozen_parameters_get_no_gradient(access):
    private, module = access(5), Scorer()
    module.untouched.weight.requires_grad_(False)
    private.step(_phase(module, [1] * 5), next(iter(_batches(private, 5))))
    assert module.untouched.weight.grad is None
    assert module.untouched.bias.grad is not None


def test_a_loss_of_no_number_says_that_every_row_left_the_numbers(access):
    private, module = access(30, units_about=10), Scorer()
    nn.init.constant_(module.used.weight, float("inf"))
    phase = _phase(module, [1] * 30)
    broken = Phase(
        module, lambda units: RowLosses(phase.losses(units).values.square(), phase.losses(units).unit_of_row)
    )
    assert np.isnan(private.step(broken, next(iter(_batches(private, 30)))))
    assert torch.isfinite(_flat(module)).all()


def test_nothing_public_is_an_exact_count_of_records(access):
    private = access([1] * 41)
    assert private.units == 100
    plan = private.plan(ANY)
    assert {getattr(plan, field.name) for field in fields(plan)} == {10, 20}
    assert not any(value == 41 for name, value in vars(type(private)).items() if not name.startswith("_"))


def test_a_private_access_gives_different_noise_in_every_step(access):
    private, module = access(5, steps=2), Scorer()
    gradients = []
    for batch in _batches(private, 5):
        private.step(_phase(module, [1] * 5), batch)
        gradients.append(_flat(module).clone())
    assert not (gradients[0] == gradients[1]).any()


def test_the_noise_of_losses_is_fresh_whatever_the_seed(access):
    """Known noise would tell which places rows had, and a unit more moves the places of others."""
    seeds = {access(3).noise_seed(7) for _ in range(20)}
    assert len(seeds) == 20
    assert 7 not in seeds


def test_a_phase_that_mixes_units_is_refused(access):
    private = access(5)
    drawn = next(iter(_batches(private, 5)))
    with pytest.raises(BudgetRefused, match="the losses of a unit depend on other units"):
        private.step(_phase(Scorer(), [1] * 5, mixes_units=True), drawn)
