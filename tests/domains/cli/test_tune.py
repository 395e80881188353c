"""The engine and its settings, chosen by a score."""

from __future__ import annotations

import pytest

from domains.pipeline.config import read_config
from domains.pipeline.tuning import Tried, Tuned
from shared.errors import TrainingDiverged
from tests.domains.cli.clinic import Cli, Clinic


def test_the_best_of_the_trials_is_written_beside_the_configuration(clinic: Clinic, cli: Cli) -> None:
    out = clinic.folder / "tuned.yaml"
    made = cli("tune", clinic.config, "--trials", 4, "--out", out, "--json")
    assert made.code == 0, made.err
    scores = [trial["score"] for trial in made.json["trials"]]
    assert len(scores) == 4
    assert made.json["trials"][0]["settings"] == {"epochs": 2, "hidden": 8, "embedding": 4, "learning_rate": 4e-3}
    assert made.json["best"]["score"] == max(scores)
    written = read_config(out)
    assert written.engine("visits").hidden == made.json["best"]["settings"]["hidden"]
    assert written.source == read_config(clinic.config).source
    assert cli("fit", out, "--out", clinic.folder / "model").code == 0


def test_the_same_seed_tries_the_same(clinic: Clinic, cli: Cli) -> None:
    first, second = (
        cli("tune", clinic.config, "--trials", 3, "--seed", 4, "--out", clinic.folder / name, "--json").json["trials"]
        for name in ("a.yaml", "b.yaml")
    )
    assert first == second


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"privacy": {"epsilon": 2, "rows": 2, "cap": {"epsilon": 5}}}, [], ["privacy is declared", "nobody paid for"]),
        ({}, ["--score", "beauty"], ["'beauty'", "pair agreement"]),
        ({}, ["--score", "task"], ["there is none", "declare tasks"]),
        ({}, ["--engines", "nonsense"], ["'nonsense'", "sequence"]),
        ({}, ["--engines", "sequence,sequence"], ["each engine once"]),
    ],
)
def test_what_cannot_be_tuned_is_refused(clinic: Clinic, cli: Cli, changes, options, said) -> None:
    clinic.configure(**changes)
    cli("tune", clinic.config, *options, "--out", clinic.folder / "tuned.yaml").assert_refused(*said)
    assert not (clinic.folder / "tuned.yaml").exists()


def test_the_configuration_is_written_where_its_paths_hold(clinic: Clinic, cli: Cli) -> None:
    elsewhere = clinic.folder / "elsewhere"
    elsewhere.mkdir()
    cli("tune", clinic.config, "--out", elsewhere / "tuned.yaml").assert_refused("beside")
    cli("tune", clinic.config, "--out", clinic.config).assert_refused("exists already")


def tried(score: float | None) -> Tried:
    return Tried(engine="sequence", settings={}, score=score)


def test_the_earliest_of_equals_is_the_best_and_diverged_trials_are_not() -> None:
    trials = (tried(None), tried(0.5), tried(0.7), tried(0.7))
    assert Tuned(trials=trials).best is trials[2]
    with pytest.raises(TrainingDiverged):
        _ = Tuned(trials=(tried(None),)).best
