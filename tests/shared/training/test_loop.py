from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from shared.access.contract import BatchPlan, Phase, RowLosses
from shared.access.questions import Answer, Question
from shared.errors import ConfigurationError, TrainingDiverged
from shared.training.loop import TrainingConfig, train
from shared.training.reporter import SilentReporter, Stage


class Slope(torch.nn.Module):
    """One parameter whose loss is its squared distance from 3."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def losses(self, units: NDArray[np.int64]) -> RowLosses:
        return RowLosses((self.weight - 3.0).square().expand(len(units)), torch.arange(len(units)))


class ThreeUnits:
    """An access to three units."""

    units = 3

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        raise AssertionError("the loop asks no statistics")

    @property
    def statistics(self) -> ThreeUnits:
        return self

    def plan(self, preferred: BatchPlan) -> BatchPlan:
        return preferred

    def batches(self, units: int, plan: BatchPlan, seed: int) -> Iterator[NDArray[np.int64]]:
        for _ in range(plan.steps):
            yield np.arange(units)

    def step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        phase.module.zero_grad()
        loss = phase.losses(units).values.mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())


def run(module: Slope, config: TrainingConfig, steps: int = 400) -> tuple[tuple[int, float], ...]:
    plan = BatchPlan(batch_units=3, steps=steps)
    phase = Phase(module, module.losses)
    return train(phase, ThreeUnits(), config, plan=plan, units=3, seed=0, reporter=SilentReporter())


def test_training_minimises_the_loss() -> None:
    module = Slope()
    losses = run(module, TrainingConfig(learning_rate=0.1))
    assert float(module.weight) == pytest.approx(3.0, abs=0.05)
    assert losses[0] == (0, 9.0)
    assert losses[-1][1] < 0.01
    assert len(losses) <= 200


def test_the_average_lags_behind_the_parameters() -> None:
    plain, averaged = Slope(), Slope()
    run(plain, TrainingConfig(learning_rate=0.01), steps=100)
    run(averaged, TrainingConfig(learning_rate=0.01, averaging=(0.05, 0.05)), steps=100)
    assert 0 < float(averaged.weight) < float(plain.weight)


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    config = TrainingConfig(learning_rate=0.01, warm_up=0.25)
    rates = [config.rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.01 / 25)
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) == 25
    assert rates[-1] < 0.0001


def test_divergence_is_said() -> None:
    module = Slope()
    with torch.no_grad():
        module.weight.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="learning_rate below 0.1"):
        run(module, TrainingConfig(learning_rate=0.1), steps=2)


@pytest.mark.parametrize(
    ("setting", "value"), [("learning_rate", 0.0), ("learning_rate", 2.0), ("averaging", (0.0, 0.5))]
)
def test_settings_out_of_range_are_refused(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        TrainingConfig(**{setting: value})  # type: ignore[arg-type]


def test_every_step_is_reported() -> None:
    advanced: list[int] = []

    class Counting:
        def advance(self, amount: int = 1) -> None:
            advanced.append(amount)

        def log(self, **measures: float) -> None:
            assert set(measures) == {"loss"}

    class Reporter:
        @contextmanager
        def stage(self, name: str, total: int) -> Iterator[Stage]:
            assert total == 7
            yield Counting()

    module = Slope()
    plan = BatchPlan(batch_units=3, steps=7)
    train(Phase(module, module.losses), ThreeUnits(), TrainingConfig(), plan=plan, units=3, seed=0, reporter=Reporter())
    assert sum(advanced) == 7
