"""Generating with a saved model: a stream that can be repeated and varied."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from domains.pipeline.model import load_model
from shared.training.reporter import SilentReporter
from tests.domains.cli.clinic import Cli, Clinic


@pytest.fixture
def model(clinic: Clinic, cli: Cli) -> Path:
    """A fitted model."""
    folder = clinic.folder / "model"
    assert cli("fit", clinic.config, "--out", folder).code == 0
    return folder


def test_equal_seeds_give_equal_bytes_and_others_do_not(model: Path, cli: Cli, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert cli("sample", model, "--units", 40, "--seed", seed, "--out", tmp_path / name).code == 0
    tables = {name: (tmp_path / name / "visits.csv").read_bytes() for name in "abc"}
    assert tables["a"] == tables["b"]
    assert tables["a"] != tables["c"]


def test_samples_vary_unless_a_seed_is_given(model: Path, cli: Cli, tmp_path: Path) -> None:
    outcomes = [cli("sample", model, "--units", 40, "--json", "--out", tmp_path / name) for name in "ab"]
    assert outcomes[0].json["seed"] != outcomes[1].json["seed"]
    again = cli("sample", model, "--units", 40, "--seed", outcomes[0].json["seed"], "--out", tmp_path / "c")
    assert again.code == 0
    assert (tmp_path / "a" / "visits.csv").read_bytes() == (tmp_path / "c" / "visits.csv").read_bytes()
    assert (tmp_path / "a" / "visits.csv").read_bytes() != (tmp_path / "b" / "visits.csv").read_bytes()


def test_as_many_units_as_were_declared_unless_told_otherwise(model: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("sample", model, "--json", "--out", tmp_path / "a").json["units"] == 200


def test_what_is_sampled_keeps_to_its_schema(model: Path, cli: Cli, tmp_path: Path) -> None:
    """It can be read back with the schema beside it, as the records of a new source."""
    assert cli("sample", model, "--units", 150, "--seed", 1, "--out", tmp_path / "a").code == 0
    second = Clinic(tmp_path / "second")
    second.folder.mkdir()
    second.configure(source={"id": "copy", "path": "../a"}, schema="../a/schema.yaml")
    assert cli("fit", second.config, "--out", tmp_path / "b").code == 0


def test_identifiers_do_not_collide_from_batch_to_batch(model: Path) -> None:
    frames = list(load_model(model).frames(20_000, seed=1, reporter=SilentReporter()))
    assert len(frames) > 1
    visits = [visit for frame in frames for visit in frame["visit"]]
    patients = [set(frame["patient"]) for frame in frames]
    assert len(set(visits)) == len(visits)
    assert len(set().union(*patients)) == sum(map(len, patients)) == 20_000


PEAKS = """
import resource, sys
from pathlib import Path
from domains.cli.main import main

def peak(units):
    assert main(["sample", sys.argv[1], "--units", str(units), "--seed", "1", "--out", f"{sys.argv[2]}/{units}"]) == 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(peak(20_000), peak(200_000))
"""


def test_memory_does_not_grow_with_the_number_of_units(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PEAKS, str(model), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    small, large = map(int, ended.stdout.split()[-2:])
    assert large - small < 15_000, "kilobytes"
    assert sum(1 for _ in (tmp_path / "200000" / "visits.csv").open()) > 200_000


def part_of(model: Path, file: str) -> Path:
    """A file of the model, or of its only table."""
    return model / file if file in ("model.json", "schema.yaml") else model / "tables" / "visits" / file


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("model.json", lambda text: "{", "model.json"),
        ("model.json", lambda text: text.replace("simulacra-model/1", "simulacra-model/9"), "format"),
        ("model.json", lambda text: text.replace('"sequence"', '"oracle"'), "there is no engine 'oracle'"),
        ("model.json", lambda text: text.replace('"visits"', '"notes"'), "is of the tables notes"),
        ("codec.json", lambda text: text[: len(text) // 2], "codec.json is damaged"),
        ("codec.json", lambda text: text.replace('"rows_per_unit"', '"rows"'), "codec"),
        (
            "schema.yaml",
            lambda text: text.replace("name: age", "name: years"),
            "its columns are not those of the schema",
        ),
        ("engine/config.json", lambda text: text.replace('"age"', '"years"'), "does not fit its codec"),
        ("engine/config.json", lambda text: text.replace('"hidden": 8', '"hidden": 9'), "weights do not fit"),
        ("engine/config.json", lambda text: "", "holds no sequence engine"),
    ],
)
def test_a_model_that_was_tampered_with_is_refused(
    file: str, change: object, message: str, model: Path, cli: Cli, tmp_path: Path
) -> None:
    assert callable(change)
    path = part_of(model, file)
    path.write_text(change(path.read_text()))
    cli("sample", model, "--out", tmp_path / "a").assert_refused(message)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("file", ["model.json", "codec.json", "schema.yaml", "engine"])
def test_a_model_that_lacks_a_part_is_refused(file: str, model: Path, cli: Cli, tmp_path: Path) -> None:
    path = part_of(model, file)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    cli("sample", model, "--out", tmp_path / "a").assert_refused(str(model))


def test_a_model_holds_no_record_and_no_seed(model: Path, clinic: Clinic) -> None:
    text = "".join(path.read_text(errors="ignore") for path in model.rglob("*") if path.is_file())
    identifiers = {cell for line in clinic.lines[1:] for cell in line.split(",")[:2]}
    assert not any(identifier in text for identifier in identifiers)
    assert "seed" not in json.loads((model / "model.json").read_text())


def test_conditions_on_the_command_line_hold(model: Path, cli: Cli, tmp_path: Path) -> None:
    # "sex" is the unit's first column, so that no proposal is needed.
    done = cli("sample", model, "--units", 30, "--out", tmp_path / "a", "--where", "sex = F", "--json")
    assert done.code == 0, done.err
    assert done.json["internal"] is False
    assert set(pd.read_csv(tmp_path / "a" / "visits.csv")["sex"]) == {"F"}


def test_given_values_are_repeated_and_stay_internal_unless_told_otherwise(
    model: Path, cli: Cli, tmp_path: Path
) -> None:
    given = tmp_path / "given.csv"
    given.write_text("patient,sex\nanna,F\nbert,M\n", encoding="utf-8")
    assert cli("sample", model, "--given", given, "--out", tmp_path / "a", "--seed", 1).code == 0
    rows = pd.read_csv(tmp_path / "a" / "internal" / "visits.csv")
    assert rows.groupby("patient")["sex"].unique().map(list).to_dict() == {"anna": ["F"], "bert": ["M"]}
    assert not (tmp_path / "a" / "visits.csv").exists()
    assert cli("sample", model, "--given", given, "--no-real-records", "--out", tmp_path / "b", "--seed", 1).code == 0
    pd.testing.assert_frame_equal(rows, pd.read_csv(tmp_path / "b" / "visits.csv"))


def test_what_is_internal_goes_to_no_database(model: Path, cli: Cli, tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_text("sex\nF\n", encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'out.db'}"
    cli("sample", model, "--given", given, "--out", url).assert_refused("for your eyes only")
    assert cli("sample", model, "--given", given, "--out", url, "--no-real-records").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--where", "nothing=1"], "names the column 'nothing'"),
        (["--where", "age>500"], "the model gives 'age' no such value"),
        (["--fill-missing"], "give that too"),
        (["--given", "no.csv"], "no such file"),
        (["--given", "no.csv", "--units", "3"], "leave --units out"),
    ],
)
def test_what_cannot_be_given_is_refused_and_leaves_nothing(
    model: Path, cli: Cli, tmp_path: Path, options: list[str], message: str
) -> None:
    cli("sample", model, "--out", tmp_path / "a", *options).assert_refused(message)
    assert not (tmp_path / "a").exists()
