from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from shared.access.contract import BatchPlan, Phase, RowLosses
from shared.access.plain import mean_loss
from shared.access.questions import Answer, Question
from shared.errors import ConfigurationError, DataError, TrainingDiverged
from shared.training.checkpoints import Checkpoints
from shared.training.loop import Part, Trained, TrainingConfig, train
from shared.training.reporter import SilentReporter, Stage
from shared.training.validation import Validation


class Slope(torch.nn.Module):
    """One parameter whose loss is its squared distance from 3, with noise if it is given a generator."""

    def __init__(self, noise: torch.Generator | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.noise = noise

    def losses(self, units: NDArray[np.int64]) -> RowLosses:
        goal = 3.0 if self.noise is None else 3.0 + torch.randn(len(units), generator=self.noise)
        values = (self.weight - goal).square().expand(len(units))
        return RowLosses(values, torch.arange(len(units)))

    def part(self, config: TrainingConfig, **fields: object) -> Part:
        return Part(phase=Phase(self, self.losses), config=config, **fields)  # type: ignore[arg-type]


class ThreeUnits:
    """An access to three units. ``killed_at`` raises before that step of all that were made."""

    units = 3

    def __init__(self, killed_at: int | None = None) -> None:
        self.made = 0
        self.killed_at = killed_at
        self.seen: list[NDArray[np.int64]] = []

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        raise AssertionError("the loop asks no statistics")

    @property
    def statistics(self) -> ThreeUnits:
        return self

    def plan(self, preferred: BatchPlan) -> BatchPlan:
        return preferred

    def batches(self, units: int, plan: BatchPlan, seed: int) -> Iterator[NDArray[np.int64]]:
        random = np.random.default_rng(seed)
        for _ in range(plan.steps):
            yield random.permutation(units)

    def step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        if self.made == self.killed_at:
            raise KeyboardInterrupt
        self.made += 1
        self.seen.append(units)
        phase.module.zero_grad()
        loss = phase.losses(units).values.mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def noise_seed(self, seed: int) -> int:
        return seed

    def evaluate(self, phase: Phase, units: NDArray[np.int64]) -> float:
        return mean_loss(phase, units)


def run(module: Slope, config: TrainingConfig, steps: int = 400, **fields: object) -> Trained:
    plan = BatchPlan(batch_units=3, steps=steps)
    parts = [module.part(config)]
    return train(parts, ThreeUnits(), plan=plan, units=3, seed=0, reporter=SilentReporter(), **fields)  # type: ignore[arg-type]


def test_training_minimises_the_loss() -> None:
    module = Slope()
    trained = run(module, TrainingConfig(learning_rate=0.1))
    losses, gradients = trained.curves["loss"], trained.curves["gradient"]
    assert float(module.weight.detach()) == pytest.approx(3.0, abs=0.05)
    assert (losses[0], gradients[0]) == ((0, 9.0), (0, 6.0))
    assert losses[-1][1] < 0.01
    assert len(losses) <= 200
    assert trained.steps == 400


def test_the_average_lags_behind_the_parameters() -> None:
    plain, averaged = Slope(), Slope()
    run(plain, TrainingConfig(learning_rate=0.01), steps=100)
    run(averaged, TrainingConfig(learning_rate=0.01, averaging=(0.05, 0.05)), steps=100)
    assert 0 < float(averaged.weight.detach()) < float(plain.weight.detach())


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
    with pytest.raises(TrainingDiverged, match="step 0; give a learning_rate below 0.1"):
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
            assert set(measures) == {"loss", "gradient"}

    class Reporter:
        @contextmanager
        def stage(self, name: str, total: int) -> Iterator[Stage]:
            assert total == 7
            yield Counting()

    module = Slope()
    plan = BatchPlan(batch_units=3, steps=7)
    train([module.part(TrainingConfig())], ThreeUnits(), plan=plan, units=3, seed=0, reporter=Reporter())
    assert sum(advanced) == 7


def test_a_part_is_stepped_at_its_own_pace() -> None:
    often, seldom, access = Slope(), Slope(), ThreeUnits()
    config = TrainingConfig(learning_rate=0.01)
    parts = [often.part(config, name="critic loss"), seldom.part(config, every=4, name="generator loss")]
    plan = BatchPlan(batch_units=3, steps=10)
    trained = train(parts, access, plan=plan, units=3, seed=0, reporter=SilentReporter())
    assert access.made == 10 + 3
    assert [step for step, _ in trained.curves["generator loss"]] == [0, 4, 8]
    assert set(trained.curves) == {"critic loss", "critic gradient", "generator loss", "generator gradient"}
    assert 0 < float(seldom.weight.detach()) < float(often.weight.detach())


NOISY = TrainingConfig(learning_rate=0.05, averaging=(0.2, 0.1))


def noisy(folder: Path | None, killed_at: int | None = None, validation: Validation | None = None) -> list[float]:
    """The weights of two noisy parts after 30 steps, killed before one of them or not."""
    noise = torch.Generator()
    first, second = Slope(noise), Slope(noise)
    parts = [first.part(NOISY), second.part(NOISY, every=3, name="other loss")]
    saved = None if folder is None else Checkpoints(folder, seconds=0)
    train(
        parts,
        ThreeUnits(killed_at),
        plan=BatchPlan(batch_units=3, steps=30),
        units=8,
        seed=5,
        reporter=SilentReporter(),
        randomness=noise,
        checkpoints=saved,
        validation=validation,
    )
    return [float(first.weight.detach()), float(second.weight.detach())]


@pytest.mark.parametrize("killed_at", [1, 7, 16, 39])
@pytest.mark.parametrize("validation", [None, Validation(share=0.25, checks=10, patience=10)])
def test_a_killed_training_ends_as_the_unbroken_one(tmp_path, killed_at, validation) -> None:
    with pytest.raises(KeyboardInterrupt):
        noisy(tmp_path, killed_at, validation)
    assert noisy(tmp_path, validation=validation) == noisy(None, validation=validation)


def test_a_training_that_is_through_takes_no_further_step(tmp_path) -> None:
    weights = noisy(tmp_path)
    assert noisy(tmp_path, killed_at=0) == weights


def test_a_checkpoint_of_another_training_is_refused(tmp_path) -> None:
    noisy(tmp_path)
    with pytest.raises(DataError, match="belongs to another training; delete it"):
        run(Slope(), NOISY, steps=12, checkpoints=Checkpoints(tmp_path, seconds=0))


def test_a_damaged_checkpoint_is_refused(tmp_path) -> None:
    saved = Checkpoints(tmp_path, seconds=0)
    saved.path.write_bytes(b"no tensors")
    with pytest.raises(DataError, match="is damaged; delete it"):
        run(Slope(), NOISY, steps=12, checkpoints=saved)


def test_a_checkpoint_is_for_its_owner_alone_and_leaves_nothing_beside_it(tmp_path) -> None:
    folder = tmp_path / "kept"
    noisy(folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert [file.name for file in folder.iterdir()] == ["training.safetensors"]


class Overfitting(Slope):
    """Units 0 to 5 pull to 3; whichever are held back are best off at 1."""

    def __init__(self, held_back: NDArray[np.int64]) -> None:
        super().__init__()
        self.held_back = held_back

    def losses(self, units: NDArray[np.int64]) -> RowLosses:
        goals = torch.from_numpy(np.where(np.isin(units, self.held_back), 1.0, 3.0))
        return RowLosses((self.weight - goals).square(), torch.arange(len(units)))


def test_training_stops_when_held_back_units_gain_nothing_and_keeps_the_best() -> None:
    validation = Validation(share=0.3, checks=50, patience=3)
    kept, held_back = validation.split(10, seed=0)
    module, access = Overfitting(held_back), ThreeUnits()
    trained = train(
        [module.part(TrainingConfig(learning_rate=0.05))],
        access,
        plan=BatchPlan(batch_units=7, steps=500),
        units=10,
        seed=0,
        reporter=SilentReporter(),
        validation=validation,
    )
    assert trained.steps < 500
    assert float(module.weight.detach()) == pytest.approx(1.0, abs=0.25)
    assert set(np.concatenate(access.seen).tolist()) == set(kept.tolist())
    checked = [value for _, value in trained.curves["validation"]]
    assert min(checked) == checked[-4]


@pytest.mark.parametrize(("share", "patience"), [(0.0, 3), (0.9, 3), (0.1, 0)])
def test_validation_out_of_range_is_refused(share: float, patience: int) -> None:
    with pytest.raises(ConfigurationError, match="validation is|patience is"):
        Validation(share=share, patience=patience)
