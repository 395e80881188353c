"""A release, end to end: records in, an audited bundle out, or a refusal that says why."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from domains.base.constraints import Check
from domains.medical import MedicalDomain
from domains.pipeline.manifest import verify
from domains.pipeline.publication import current
from shared.corpus.schema_file import read_schema
from tests.domains.cli.clinic import Cli

# A network of this size learns little: the thresholds of these tests let that pass.
LENIENT = {"pair_agreement": 0.0, "utility_gap": 1.0, "membership_auc": 1.0, "nearest_neighbour_share": 1.0}
ENGINE = {"default": {"epochs": 2, "hidden": 8, "embedding": 4}}


def hospital(folder: Path, **changes: Any) -> Path:
    """A configuration for a small simulated hospital."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "source": {"id": "hospital", "simulate": {"units": 200, "seed": 1}},
        "domain": "medical",
        "unit": "patient_id",
        "units_about": 200,
        "holdout": 0.4,
        "engine": ENGINE,
        "privacy": "none",
        "gate": LENIENT,
        # So few patients may have no readmission at all on one side of a random split: another target by that name.
        "tasks": [{"name": "readmission within 30 days", "target": "sex", "positive": ["Female"]}],
        "seed": 4,
    } | changes
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    return path


def tables(bundle: Path) -> dict[str, bytes]:
    """The bytes of the tables that were published."""
    return {path.name: path.read_bytes() for path in (bundle / "public").iterdir() if ".csv" in path.name}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A plain release that several tests look at, and what the command printed."""
    from typer.testing import CliRunner

    from domains.cli.app import app

    folder = tmp_path_factory.mktemp("plain")
    config = hospital(folder / "config")
    given = ["release", str(config), "--out", str(folder / "out"), "--tensorboard", "--json"]
    result = CliRunner().invoke(app, given, catch_exceptions=False)
    assert result.exit_code == 0
    return folder / "out", json.loads(result.stdout)


def test_a_release_is_published_whole(published: tuple[Path, dict[str, Any]]) -> None:
    out, printed = published
    folder = current(out)
    assert folder is not None
    assert str(folder) == printed["folder"]
    assert verify(folder / "public") == []
    assert printed["passed"] is True
    assert printed["privacy"] == "none"
    assert {path.name for path in folder.iterdir()} == {"public", "internal"}
    inside = {path.name for path in (folder / "internal").iterdir()}
    assert inside == {"report.html", "scores.json", "training.json", "manifest.json", "model", "tensorboard"}
    assert {path.name for path in out.parent.iterdir()} == {"config", "out"}, "the workspace is gone"


def test_tensorboard_shows_the_curve_of_the_training(published: tuple[Path, dict[str, Any]]) -> None:
    internal = current(published[0]) / "internal"  # type: ignore[operator]
    events = EventAccumulator(str(internal / "tensorboard")).Reload()
    ((table, curves),) = json.loads((internal / "training.json").read_text()).items()
    assert [[event.step, event.value] for event in events.Scalars("training/loss")] == [
        [step, pytest.approx(loss)] for step, loss in curves["loss"]
    ], table


def test_the_manifest_says_what_may_be_said(published: tuple[Path, dict[str, Any]]) -> None:
    out, printed = published
    manifest = json.loads((Path(printed["public"]) / "manifest.json").read_text())
    assert manifest["privacy"] == "none"
    assert manifest["configuration"]["unit"] == "patient_id"
    assert "seed" not in json.dumps(manifest["configuration"])
    assert manifest["loosened_thresholds"], "thresholds were loosened, and nothing says so"
    assert manifest["rows"] == printed["rows"]
    assert str(out) not in json.dumps(manifest)


def test_the_public_tables_read_back_with_their_schema(
    published: tuple[Path, dict[str, Any]], cli: Cli, tmp_path: Path
) -> None:
    public = Path(published[1]["public"])
    config = hospital(
        tmp_path / "again",
        source={"id": "again", "path": str(public)},
        schema=str(public / "schema.yaml"),
    )
    assert cli("fit", config, "--out", tmp_path / "model").code == 0


def test_published_identifiers_are_made_up_and_distinct(published: tuple[Path, dict[str, Any]]) -> None:
    public = Path(published[1]["public"])
    (table,) = yaml.safe_load((public / "schema.yaml").read_text())["tables"]
    (file,) = [path for path in public.iterdir() if path.name.startswith(table["name"])]
    rows = list(csv.DictReader(file.read_text().splitlines()))
    keys = [row[table["primary_key"]] for row in rows]
    assert len(set(keys)) == len(keys)
    assert len({row[table["unit"]] for row in rows}) == 200


def test_equal_seeds_give_equal_tables_and_others_do_not(
    published: tuple[Path, dict[str, Any]], cli: Cli, tmp_path: Path
) -> None:
    first = tables(Path(published[1]["folder"]))
    for seed, equal in ((4, True), (5, False)):
        outcome = cli("release", hospital(tmp_path / str(seed), seed=seed), "--json", "--out", tmp_path / f"out{seed}")
        assert outcome.code == 0, outcome.err
        assert (tables(Path(outcome.json["folder"])) == first) is equal


def test_a_private_release_says_its_promise_and_is_refused_when_the_cap_is_reached(cli: Cli, tmp_path: Path) -> None:
    privacy = {"epsilon": 2, "rows": 2, "steps": 10, "batch_units": 120, "cap": {"epsilon": 2.5}}
    config = hospital(tmp_path / "config", privacy=privacy)
    outcome = cli("release", config, "--json", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    manifest = json.loads((Path(outcome.json["public"]) / "manifest.json").read_text())
    promise = manifest["privacy"]
    assert (promise["epsilon"], promise["unit"], promise["relation"]) == (2.0, "patient_id", "add-or-remove-one-unit")
    assert {event["kind"] for event in promise["mechanisms"]} >= {"gaussian", "poisson_sampled_gaussian"}
    assert manifest["ledger_head"]
    assert manifest["verdict"]["accounted"] is False
    assert "2.5" in Path(outcome.json["report"]).read_text()

    cli("release", config, "--out", tmp_path / "second").assert_refused("has spent epsilon", code=4)
    assert {path.name for path in tmp_path.iterdir()} <= {"config", "out", "ledger"}


def test_a_release_that_misses_a_threshold_is_not_published(cli: Cli, tmp_path: Path) -> None:
    config = hospital(tmp_path / "config", gate={**LENIENT, "pair_agreement": 1.0})
    out = tmp_path / "out"
    cli("release", config, "--out", out).assert_refused("not published", "pair", "report.html", code=3)
    assert current(out) is None
    (kept,) = (out / "refused").iterdir()
    assert (kept / "internal" / "report.html").exists()
    assert not list(out.rglob("*.csv*")), "tables of a refused release are left"


def test_a_refused_release_has_spent_its_budget(cli: Cli, tmp_path: Path) -> None:
    privacy = {"epsilon": 2, "rows": 2, "steps": 10, "batch_units": 120, "cap": {"epsilon": 2.5}}
    config = hospital(tmp_path / "config", privacy=privacy, gate={**LENIENT, "pair_agreement": 1.0})
    assert cli("release", config, "--out", tmp_path / "out").code == 3
    (charge,) = cli("ledger", "history", "hospital", "--json").json["charges"]
    assert charge["state"] == "spent"
    assert cli("release", config, "--out", tmp_path / "out").code == 4


def test_a_second_release_stands_beside_the_first(published: tuple[Path, dict[str, Any]], cli: Cli) -> None:
    out, printed = published
    config = out.parent / "config" / "config.yaml"
    outcome = cli("release", config, "--json", "--out", out)
    assert outcome.code == 0, outcome.err
    assert current(out) == Path(outcome.json["folder"])
    assert Path(printed["folder"]).is_dir()


def test_constraints_hold_in_what_is_published(published: tuple[Path, dict[str, Any]]) -> None:
    folder = Path(published[1]["folder"])
    scores = json.loads((folder / "internal" / "scores.json").read_text())
    rates = {rate["name"]: rate["synthetic"] for rate in scores["constraints"]}
    constraints = MedicalDomain().constraints(read_schema(folder / "public" / "schema.yaml"))
    enforced = {constraint.name for constraint in constraints if not isinstance(constraint, Check)}
    assert enforced
    assert {name: rates[name] for name in enforced} == dict.fromkeys(enforced, 0.0)


def test_data_from_anywhere_can_be_evaluated(cli: Cli, tmp_path: Path) -> None:
    for name, seed in (("train", 1), ("holdout", 2), ("synthetic", 3)):
        assert cli("simulate", "medical", "--units", 60, "--seed", seed, "--out", tmp_path / name).code == 0
    given = [f"--{name}={tmp_path / name}" for name in ("train", "holdout", "synthetic")]
    schema = tmp_path / "train" / "schema.yaml"
    outcome = cli("evaluate", "--schema", schema, "--domain", "medical", *given, "--json", "--out", tmp_path / "scores")
    assert outcome.code == 0, outcome.err
    assert {path.name for path in (tmp_path / "scores").iterdir()} == {"report.html", "scores.json"}
    assert outcome.json["fidelity"]
    assert json.loads((tmp_path / "scores" / "scores.json").read_text())["leakage"]


def test_synthetic_data_that_do_not_fit_the_schema_leave_no_evaluation(cli: Cli, tmp_path: Path) -> None:
    for name in ("train", "holdout"):
        assert cli("simulate", "medical", "--units", 30, "--seed", len(name), "--out", tmp_path / name).code == 0
    (tmp_path / "synthetic.csv").write_text("a,b\n1,2\n")
    given = [
        "--train",
        tmp_path / "train",
        "--holdout",
        tmp_path / "holdout",
        "--synthetic",
        tmp_path / "synthetic.csv",
    ]
    schema = tmp_path / "train" / "schema.yaml"
    cli("evaluate", "--schema", schema, *given, "--out", tmp_path / "scores").assert_refused("synthetic.csv")
    assert not (tmp_path / "scores").exists()
