"""A run whose process was killed is taken up by the same command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from domains.pipeline.flow import release_to
from domains.pipeline.publication import publish
from privacy.budget.ledger import Ledger
from shared.errors import BudgetRefused, DataError, TrainingDiverged
from shared.training.reporter import SilentReporter, Stage
from tests.domains.pipeline.killed import NOW, PRIVACY, Killing, World, calibrated_once

LOOSE = ("utility_gap", "membership_auc", "copies_above_holdout", "nearest_neighbour_share")


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
    with pytest.raises(Exception, match="exists already"):
        world.fit("model", reporter=Meanwhile(lambda: world.fit("model")))  # the same target
    assert world.left() == set()


class Meanwhile(SilentReporter):
    """Calls something while the training of another run is under way."""

    def __init__(self, called: Callable[[], Any]) -> None:
        self._called = called

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        if name == "training":
            self._called()
        with super().stage(name, total) as stage:
            yield stage


def test_one_charge_makes_one_model_though_two_runs_took_it_up(world: World) -> None:
    """What a killed run left was copied, so that the steps that follow could have been drawn twice for one price."""
    world.killed(5, privacy=PRIVACY)
    shutil.copytree(world.folder / ".model.unfinished", world.folder / ".twin.unfinished")
    with pytest.raises(BudgetRefused, match="charge 3 of the ledger was settled by another run"):
        world.fit("model", reporter=Meanwhile(lambda: world.fit("twin", privacy=PRIVACY)), privacy=PRIVACY)
    assert world.charges() == ["spent"]
    assert (world.folder / "twin").is_dir()
    assert not (world.folder / "model").exists()
    assert world.left() == set()


def test_a_release_is_published_by_the_one_run_that_settled_its_charge(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def published(bundle: Path, target: Path, release: str) -> Path:
        seen.append(world.charges())
        return publish(bundle, target, release)

    monkeypatch.setattr("domains.pipeline.flow.publish", published)
    config = world.config(privacy=PRIVACY, gate=dict.fromkeys(LOOSE, 1) | {"pair_agreement": 0})
    made = release_to(config, world.folder / "out", SilentReporter(), now=NOW)
    assert seen == [["spent"]]
    assert (made.folder / "public").is_dir()
