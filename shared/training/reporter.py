"""Progress, as an object that the caller passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Stage(Protocol):
    """A piece of work under way."""

    def advance(self, amount: int = 1) -> None:
        """So much more is done."""
        ...

    def log(self, **measures: float) -> None:
        """Measures of the moment, such as a loss (internal: they may be computed on records)."""
        ...


class Reporter(Protocol):
    """Told what is being done and how far it is."""

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        """A piece of work of ``total`` parts."""
        ...


class _SilentStage:
    def advance(self, amount: int = 1) -> None:
        del amount

    def log(self, **measures: float) -> None:
        del measures


class SilentReporter:
    """Says nothing."""

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        del name, total
        yield _SilentStage()
