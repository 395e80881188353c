"""Training curves for TensorBoard. Internal: losses are computed on records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError, OutputError
from shared.training.reporter import Reporter, Stage

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_OWNER_ONLY = 0o700


def check_tensorboard(folder: Path) -> None:
    """Raise before a run begins if its curves could not be written.

    ``ConfigurationError`` if the package is not installed, ``OutputError`` for a folder that is a file.
    """
    if find_spec("tensorboard") is None:
        raise ConfigurationError(
            "the package tensorboard is not installed; install simulacra with its extra tensorboard"
        )
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; give a folder for the curves")


@contextmanager
def with_tensorboard(reporter: Reporter, folder: Path | None) -> Iterator[Reporter]:
    """The reporter, whose measures are also written to an event file in ``folder``; itself for ``None``.

    A folder that is not there is made, for its owner alone. The file is written as the run goes on, so that it can
    be watched, and stays if the run fails.
    """
    if folder is None:
        yield reporter
        return
    check_tensorboard(folder)
    from torch.utils.tensorboard import SummaryWriter  # heavy and optional

    if not folder.exists():
        folder.mkdir(parents=True, mode=_OWNER_ONLY)
    writer = SummaryWriter(str(folder), flush_secs=10)
    try:
        yield TensorBoardReporter(writer, reporter)
    finally:
        writer.close()


class TensorBoardReporter:
    """Tells another reporter everything, and writes measures as scalars ``<stage>/<measure>`` by parts done."""

    def __init__(self, writer: SummaryWriter, reporter: Reporter) -> None:
        self._writer, self._reporter = writer, reporter

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        """A piece of work of ``total`` parts."""
        with self._reporter.stage(name, total) as stage:
            yield _Stage(self._writer, name, stage)


class _Stage:
    def __init__(self, writer: SummaryWriter, name: str, stage: Stage) -> None:
        self._writer, self._name, self._stage = writer, name, stage
        self._done = 0

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        self._stage.advance(amount)

    def log(self, **measures: float) -> None:
        for measure, value in measures.items():
            self._writer.add_scalar(f"{self._name}/{measure}", value, self._done)
        self._stage.log(**measures)
