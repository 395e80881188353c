"""A reporter that tells when an epoch is over, so that what a training can draw may be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.training.reporter import Reporter, Stage


class WatchingReporter:
    """Tells another reporter everything, and calls ``watch`` with the number of each epoch of ``steps`` steps."""

    def __init__(self, reporter: Reporter, watch: Callable[[int], None], steps: int) -> None:
        self._reporter, self._watch, self._steps = reporter, watch, steps

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        """A piece of work of ``total`` parts."""
        with self._reporter.stage(name, total) as stage:
            yield _Stage(stage, self._watch, self._steps)


class _Stage:
    def __init__(self, stage: Stage, watch: Callable[[int], None], steps: int) -> None:
        self._stage, self._watch, self._steps = stage, watch, steps
        self._done = 0

    def advance(self, amount: int = 1) -> None:
        self._stage.advance(amount)
        self._done += amount
        # A training that goes on from a checkpoint begins with a leap: those epochs were seen before.
        if amount == 1 and self._done % self._steps == 0:
            self._watch(self._done // self._steps)

    def log(self, **measures: float) -> None:
        self._stage.log(**measures)
