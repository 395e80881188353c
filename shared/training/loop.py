"""The one training loop: batches, optimisers, schedules, averaging, progress, checkpoints, stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.access.contract import BatchPlan, Phase, Steps
from shared.errors import ConfigurationError, DataError, TrainingDiverged
from shared.randomness import derive
from shared.training.adam import Adam
from shared.training.checkpoints import Checkpoints, restore
from shared.training.curves import POINTS, Curve, Curves
from shared.training.reporter import Reporter, Stage
from shared.training.validation import Judge, Validation


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How steps are taken.

    ``learning_rate`` is the peak of a one-cycle schedule (Smith 2018, arXiv:1803.09820);
    ``averaging`` the weight of the newest parameters in their exponential average, in the first and
    in the second half of the steps, (1, 1) for none.
    """

    learning_rate: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.99)
    warm_up: float = 0.3
    final_fraction: float = 1e-3
    averaging: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < 1:
            raise ConfigurationError(
                f"learning_rate is {self.learning_rate}; it must lie between 0 and 1, such as 0.003"
            )
        if not all(0 < rate <= 1 for rate in self.averaging):
            raise ConfigurationError(f"averaging is {self.averaging}; both rates must lie between 0 and 1")

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step: cosine up from a 25th of the peak, cosine down to ``final_fraction`` of it."""
        turn = max(1.0, self.warm_up * steps)
        if step < turn:
            low, share = 1 / 25, 1 - step / turn
        else:
            low, share = self.final_fraction, (step - turn) / max(1.0, steps - turn)
        return self.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * share)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """What is stepped: a phase with an optimiser, a schedule and an average of its own, each ``every``-th step.

    ``name`` is that of its loss in the curves. ``before`` is called before each step and changes the module by its
    parameters alone; in the losses it would have no place, since they are not asked for where nobody was drawn.
    """

    phase: Phase
    config: TrainingConfig
    every: int = 1
    name: str = "loss"
    before: Callable[[], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a training went. ``steps`` were taken, fewer than planned if it stopped early; ``curves`` are internal."""

    steps: int
    curves: Mapping[str, Curve]


def train(
    parts: Sequence[Part],
    access: Steps,
    *,
    plan: BatchPlan,
    units: int,
    seed: int,
    reporter: Reporter,
    name: str = "training",
    randomness: torch.Generator | None = None,
    checkpoints: Checkpoints | None = None,
    validation: Validation | None = None,
) -> Trained:
    """Train the parts' modules in place, for ``plan.steps`` steps; leaves the averaged parameters in them.

    ``units`` is the number of encoded units. ``randomness`` is what the losses draw from: it is seeded anew at
    every step, so that a training that goes on from one of ``checkpoints`` ends as one that was never interrupted.
    Raises ``TrainingDiverged`` when gradients or parameters are no longer finite.
    """
    run, kept = _Run([_Moving(part, plan.steps) for part in parts]), None
    if validation is not None:
        kept, held_back = validation.split(units, seed)
        run.judge = Judge(validation, held_back, parts[0].phase, access, seed, randomness)
    marks, noise = {"steps": plan.steps, "units": units, "seed": seed}, access.noise_seed(seed)
    if checkpoints is not None:
        run.resume(checkpoints, marks)
    every = max(1, plan.steps // POINTS)
    with reporter.stage(name, plan.steps) as stage:
        stage.advance(run.step)
        for drawn in _remaining(access, plan, units if kept is None else len(kept), seed, run):
            if randomness is not None:
                randomness.manual_seed(derive(noise, "step", run.step))
            run.advance(access, drawn if kept is None else kept[drawn], stage if run.step % every == 0 else None)
            run.check(plan.steps, stage)
            stage.advance()
            if checkpoints is not None and checkpoints.due:
                run.save(checkpoints, marks)
            if run.stopped:
                break
    if checkpoints is not None:
        run.save(checkpoints, marks)
    run.finish(name)
    return Trained(steps=run.step, curves=run.curves.to_mapping())


def _remaining(access: Steps, plan: BatchPlan, units: int, seed: int, run: _Run) -> Iterator[NDArray[np.int64]]:
    """The batches that are still to come. A run that is through draws none: under privacy, draws are given once."""
    if run.step >= plan.steps or run.stopped:
        return iter(())
    return islice(access.batches(units, plan, seed), run.step, None)


class _Moving:
    """A part while it is trained."""

    def __init__(self, part: Part, steps: int) -> None:
        self.part = part
        self.steps = steps
        self.parameters: list[Tensor] = [p for p in part.phase.module.parameters() if p.requires_grad]
        self.optimiser = Adam(self.parameters, betas=part.config.betas)
        averages = part.config.averaging != (1.0, 1.0)
        self.average: list[Tensor] | None = [p.detach().clone() for p in self.parameters] if averages else None
        self.taken = 0

    def advance(self, access: Steps, drawn: NDArray[np.int64], step: int) -> float:
        """One step; returns its mean loss."""
        if self.part.before is not None:
            self.part.before()
        loss = access.step(self.part.phase, drawn)
        config = self.part.config
        self.optimiser.step(config.rate(step, self.steps))
        if self.average is not None:
            # The first step sets the average: what the parameters were before it says nothing.
            rate = 1.0 if self.taken == 0 else config.averaging[0 if step < self.steps / 2 else 1]
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.parameters, rate)
        self.taken += 1
        return loss

    def gradient_norm(self) -> float:
        """Euclidean norm of the gradient that was taken last."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        return float(torch.stack(torch._foreach_norm(gradients)).norm()) if gradients else 0.0

    def state(self) -> dict[str, Tensor]:
        """Everything that moves, by name."""
        named = {f"module.{key}": value for key, value in self.part.phase.module.state_dict().items()}
        named |= self.optimiser.state()
        named |= {f"average.{place}": value for place, value in enumerate(self.average or [])}
        return named


@dataclass(eq=False)
class _Run:
    """A training under way."""

    parts: list[_Moving]
    judge: Judge | None = None
    step: int = 0
    stopped: bool = False
    curves: Curves = field(default_factory=Curves)

    def advance(self, access: Steps, drawn: NDArray[np.int64], stage: Stage | None) -> None:
        """One step of every part whose turn it is; measures go to ``stage``, if there is one."""
        for moving in self.parts:
            if self.step % moving.part.every:
                continue
            loss = moving.advance(access, drawn, self.step)
            if stage is not None:
                self._log(moving, loss, stage)
        self.step += 1

    def check(self, steps: int, stage: Stage) -> None:
        """Ask the judge whether to stop, if there is one and it is time."""
        if self.judge is None or not self.judge.due(self.step, steps):
            return
        loss = self.judge.check(self.parts[0].parameters, self.parts[0].average)
        self.curves.log(self.step, validation=loss)
        stage.log(validation=loss)
        self.stopped = self.judge.enough

    def _log(self, moving: _Moving, loss: float, stage: Stage) -> None:
        name, norm = moving.part.name, moving.gradient_norm()
        if not math.isfinite(norm):
            raise TrainingDiverged(
                f"the gradient of the {name} is {norm} at step {self.step}; give a learning_rate below "
                f"{moving.part.config.learning_rate}"
            )
        measures = {name: loss, name.replace("loss", "gradient"): norm}
        self.curves.log(self.step, **measures)
        stage.log(**measures)

    def _state(self) -> dict[str, Tensor]:
        return {f"{place}.{key}": value for place, part in enumerate(self.parts) for key, value in part.state().items()}

    def save(self, checkpoints: Checkpoints, marks: Mapping[str, int]) -> None:
        """All that the rest of the training depends on."""
        facts = {**marks, "step": self.step, "stopped": self.stopped, "curves": self.curves.to_mapping()}
        facts["taken"] = [part.taken for part in self.parts]
        tensors = self._state()
        if self.judge is not None:
            kept, judged = self.judge.state()
            tensors, facts = tensors | kept, facts | judged
        checkpoints.save(tensors, facts)

    def resume(self, checkpoints: Checkpoints, marks: Mapping[str, int]) -> None:
        """Go on where the last checkpoint was made, if there is one; ``DataError`` for another training's."""
        found = checkpoints.load()
        if found is None:
            return
        tensors, facts = found
        if any(facts.get(key) != value for key, value in marks.items()) or ("best" in facts) != (
            self.judge is not None
        ):
            raise DataError(f"{checkpoints.path} belongs to another training; delete it to begin anew")
        restore(self._state(), tensors, checkpoints.path)
        self.step, self.stopped, self.curves = facts["step"], facts["stopped"], Curves(facts["curves"])
        for part, taken in zip(self.parts, facts["taken"], strict=True):
            part.taken = taken
        if self.judge is not None:
            self.judge.resume(tensors, facts)

    def finish(self, name: str) -> None:
        """Leave the averaged parameters, or the best, in the modules."""
        for moving in self.parts:
            if moving.average is not None and moving.taken:
                with torch.no_grad():
                    torch._foreach_copy_(moving.parameters, moving.average)
        if self.judge is not None:
            self.judge.finish()
        if not all(bool(torch.isfinite(p).all()) for moving in self.parts for p in moving.parameters):
            rates = ", ".join(str(moving.part.config.learning_rate) for moving in self.parts)
            raise TrainingDiverged(f"{name} left the numbers; give a learning_rate below {rates}")
