"""What a run logs is read back from the event file, and the other reporter hears everything too."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from shared.errors import ConfigurationError, OutputError
from shared.training import tensorboard
from shared.training.reporter import SilentReporter, Stage
from shared.training.tensorboard import with_tensorboard


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.told: list[object] = []

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        self.told.append((name, total))
        yield self

    def advance(self, amount: int = 1) -> None:
        self.told.append(amount)

    def log(self, **measures: float) -> None:
        self.told.append(measures)


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Everything in the event files of a folder, by tag, as steps and values."""
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def run(reporter) -> None:
    with reporter.stage("training", 6) as stage:
        for step in range(6):
            if step % 2 == 0:
                stage.log(loss=1 / (1 + step), rate=0.5)
            stage.advance()
    with reporter.stage("other", 2) as stage:
        stage.advance(2)
        stage.log(loss=3.0)


def test_measures_are_read_back_by_stage_name_and_step(tmp_path):
    with with_tensorboard(SilentReporter(), tmp_path / "logs") as reporter:
        run(reporter)
    found = scalars(tmp_path / "logs")
    assert found["training/loss"] == [(0, 1.0), (2, pytest.approx(1 / 3)), (4, pytest.approx(1 / 5))]
    assert found["training/rate"] == [(0, 0.5), (2, 0.5), (4, 0.5)]
    assert found["other/loss"] == [(2, 3.0)]
    assert set(found) == {"training/loss", "training/rate", "other/loss"}


def test_the_other_reporter_hears_the_same_as_without(tmp_path):
    alone, beside = Heard(), Heard()
    run(alone)
    with with_tensorboard(beside, tmp_path / "logs") as reporter:
        run(reporter)
    assert beside.told == alone.told


def test_without_a_folder_it_is_the_reporter_itself():
    reporter = SilentReporter()
    with with_tensorboard(reporter, None) as told:
        assert told is reporter


def test_the_folder_is_its_owners_alone(tmp_path):
    with with_tensorboard(SilentReporter(), tmp_path / "logs"):
        pass
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700


def test_what_was_logged_before_a_failure_stays(tmp_path):
    def fail() -> None:
        with with_tensorboard(SilentReporter(), tmp_path) as reporter, reporter.stage("training", 2) as stage:
            stage.log(loss=2.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert scalars(tmp_path) == {"training/loss": [(0, 2.0)]}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "logs").write_text("")
    with (
        pytest.raises(OutputError, match="logs is a file; give a folder"),
        with_tensorboard(SilentReporter(), tmp_path / "logs"),
    ):
        pass


def test_without_the_package_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="install simulacra with its extra tensorboard"):
        tensorboard.check_tensorboard(tmp_path)
