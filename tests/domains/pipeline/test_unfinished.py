"""A run whose process was killed is taken up by the same command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from privacy.budget.ledger import Ledger
from shared.errors import BudgetRefused, DataError, TrainingDiverged
from shared.training.reporter import SilentReporter, Stage
from tests.domains.pipeline.killed import PRIVACY, Killing, World, calibrated_once


@pytest.fixture(autouse=True)
def _one_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domains.pipeline.budgeting.calibrate_together", calibrated_once)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("SIMULACRA_LEDGER", raising=False)
    return World(tmp_path)


def test_a_killed_fit_ends_with_the_weights_of_the_unbroken_one(world: World) -> None:
    for step in (3, 9):
        world.killed(step)
    assert world.left() >= {".model.unfinished"}
    assert world.fit() == world.fit("unbroken")
    assert world.left() == set()


def test_a_private_fit_that_is_taken_up_keeps_its_one_charge(world: World) -> None:
    world.killed(5, privacy=PRIVACY)
    assert world.charges() == ["reserved"]
    world.fit(privacy=PRIVACY)
    assert world.charges() == ["spent"]


def test_nothing_is_asked_of_records_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.killed(5, privacy=PRIVACY)

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the statistics were answered before")

    monkeypatch.setattr("privacy.statistics.PrivateStatistics.answer", asked)
    world.fit(privacy=PRIVACY)


def test_another_configuration_begins_anew_and_is_charged(world: World) -> None:
    world.killed(5, privacy=PRIVACY)
    other = {**PRIVACY, "epsilon": 1}
    world.fit(privacy=other)
    assert world.charges() == ["reserved", "spent"]
    assert world.left() == set()


def test_a_fit_that_ended_cannot_be_taken_up(world: World) -> None:
    world.killed(5, privacy=PRIVACY)
    book = Ledger.open(world.folder / "ledger.sqlite")
    book.fail(book.history("people")[0].number, "given up")
    with pytest.raises(BudgetRefused, match="cannot be taken up: it is failed"):
        world.fit(privacy=PRIVACY)
    assert world.left() == set()


def test_a_charge_of_another_run_is_not_taken_up(world: World) -> None:
    world.killed(5, privacy=PRIVACY)
    book = Ledger.open(world.folder / "ledger.sqlite")
    (charge,) = book.history("people")
    with pytest.raises(BudgetRefused, match="reserved for another run"):
        book.taken_up(charge.number, "people", charge.events, fingerprint="other")
    with pytest.raises(BudgetRefused, match="reserved for another run"):
        book.taken_up(charge.number, "people", charge.events[:1] * 2, fingerprint=charge.fingerprint)


@pytest.mark.parametrize("privacy", ["none", PRIVACY])
def test_records_that_changed_in_between_are_refused(world: World, privacy: Any) -> None:
    world.killed(5, privacy=privacy)
    world.records(seed=2)
    with pytest.raises(DataError, match="have changed since the run began"):
        world.fit(privacy=privacy)
    assert world.left() == set()


def test_an_interruption_keeps_the_checkpoint_and_says_how_to_go_on(world: World) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        world.fit(reporter=Killing(5, KeyboardInterrupt()), privacy=PRIVACY)
    assert "give the same command again to go on" in caught.value.__notes__[0]
    assert world.left() == {".model.unfinished"}
    world.fit(privacy=PRIVACY)
    assert world.charges() == ["spent"]


def test_an_interruption_before_the_first_checkpoint_leaves_nothing(world: World) -> None:
    with pytest.raises(KeyboardInterrupt):
        world.fit(reporter=Killing(0, KeyboardInterrupt()))
    assert world.left() == set()


def test_a_run_that_dies_of_its_data_is_not_taken_up(world: World) -> None:
    with pytest.raises(TrainingDiverged):
        world.fit(reporter=Killing(5, TrainingDiverged("left the numbers")), privacy=PRIVACY)
    assert world.left() == set()
    assert world.charges() == ["failed"]


def test_two_runs_at_once_do_not_share_a_checkpoint(world: World) -> None:
    class Meanwhile(SilentReporter):
        @contextmanager
        def stage(self, name: str, total: int) -> Iterator[Stage]:
            if name == "training":
                world.fit("model")  # the same target
            with super().stage(name, total) as stage:
                yield stage

    with pytest.raises(Exception, match="exists already"):
        world.fit("model", reporter=Meanwhile())
    assert world.left() == set()
