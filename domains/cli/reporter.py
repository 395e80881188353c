"""Progress on a terminal: a bar for each piece of work, with the time that is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from shared.training.reporter import Stage


class _RichStage:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, amount: int = 1) -> None:
        self._progress.advance(self._task, amount)

    def log(self, **measures: float) -> None:
        text = "  ".join(f"{name} {value:.4g}" for name, value in measures.items())
        self._progress.update(self._task, measures=text)


class RichReporter:
    """Draws on a console (standard error) and wipes its bars when it is left.

    Use it as a context manager: the bars need a thread that must end with them.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[measures]}", style="dim"),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self._progress.stop()

    @property
    def busy(self) -> bool:
        """Whether a piece of work is under way."""
        return bool(self._progress.tasks)

    def refresh(self) -> None:
        """Draw now; otherwise it happens several times a second."""
        self._progress.refresh()

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        """A bar for ``total`` parts; one that only pulses if the total is not known (0)."""
        task = self._progress.add_task(name, total=total or None, measures="")
        try:
            yield _RichStage(self._progress, task)
        finally:
            self._progress.remove_task(task)
