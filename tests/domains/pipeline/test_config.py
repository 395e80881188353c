"""A configuration file: what it means, and one line for each mistake."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from domains.pipeline.config import ledger_path, read_config
from domains.pipeline.config_file import CapFile, ConfigFile, PrivacyFile, SourceFile, TaskFile
from domains.pipeline.yaml_file import resolve_path
from evaluation.gate import Thresholds
from shared.errors import ConfigurationError

PLAIN = {
    "source": {"id": "clinic", "path": "visits.csv"},
    "schema": "schema.yaml",
    "unit": "patient",
    "holdout": 0.2,
    "privacy": "none",
}
PRIVATE = {**PLAIN, "units_about": 1000, "privacy": {"epsilon": 3, "rows": 2}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "visits.csv").write_text("patient\n1\n")
    (tmp_path / "schema.yaml").write_text("tables: []\n")
    return tmp_path


def written(folder: Path, content: object) -> Path:
    path = folder / "config.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def changed(base: dict, **changes: object) -> dict:
    return {**base, **changes}


def test_a_plain_configuration_has_its_defaults(folder: Path) -> None:
    config = read_config(written(folder, PLAIN))
    assert config.domain == "plain"
    assert config.privacy is None
    assert config.seed == 0
    assert config.device == "cpu"
    assert config.holdout.fraction == 0.2
    assert config.source.path == folder / "visits.csv"


def test_units_of_training_follow_from_what_is_declared(folder: Path) -> None:
    assert read_config(written(folder, PRIVATE)).training_units_about == 800


def test_numbers_may_be_written_with_an_exponent_and_no_point(folder: Path) -> None:
    text = yaml.safe_dump(PRIVATE).replace("epsilon: 3", "epsilon: 3\n  delta: 1e-6")
    config = read_config(written(folder, text))
    assert config.privacy is not None
    assert config.privacy.delta == 1e-6


def test_engine_settings_are_read_per_table(folder: Path) -> None:
    engine = {"default": {"epochs": 2}, "visits": {"name": "sequence", "hidden": 16, "averaging": [0.5, 0.5]}}
    config = read_config(written(folder, changed(PLAIN, engine=engine)))
    assert config.engine("other").epochs == 2
    assert config.engine("visits").hidden == 16
    assert config.engine("visits").averaging == (0.5, 0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(PRIVATE, privacy={"epsilon": 0, "rows": 1}), "privacy.epsilon is 0; it must be greater than 0"),
        (changed(PRIVATE, privacy={"epsilon": -3, "rows": 1}), "privacy.epsilon is -3; it must be greater than 0"),
        (
            changed(PRIVATE, privacy={"epsilon": 1, "rows": 1, "delta": 1.0}),
            "privacy.delta is 1.0; it must be less than 1",
        ),
        (changed(PRIVATE, privacy={"epsilon": 1, "rows": 1, "delta": 2}), "privacy.delta is 2; it must be less than 1"),
        (
            changed(PRIVATE, privacy={"epsilon": 1, "rows": 1, "delta": 0}),
            "privacy.delta is 0; it must be greater than 0",
        ),
        (changed(PRIVATE, privacy={"epsilon": float("inf"), "rows": 1}), "privacy.epsilon is inf; it must be a finite"),
        (
            changed(PRIVATE, privacy={"epsilon": 1, "rows": 0}),
            "privacy.rows is 0; it must be a whole number from 1 on, or one for each table",
        ),
        (changed(PRIVATE, privacy={"epsilon": 1}), "key privacy.rows is missing"),
        (
            changed(PRIVATE, privacy={"epsilon": "three", "rows": 1}),
            "privacy.epsilon is 'three'; it must be a valid number",
        ),
        (changed(PRIVATE, privacy={"epsilon": True, "rows": 1}), "privacy.epsilon is True; it must be a valid number"),
        (changed(PRIVATE, privacy={"epsilon": 1, "rows": 1, "batch_units": 801}), "privacy.batch_units is 801"),
        (changed(PRIVATE, privacy={"epsilon": 1, "rows": 1, "categories": 2}), "privacy.categories is 2"),
        (changed(PRIVATE, privacy={"epsilon": 1, "rows": 1, "cap": {"epsilon": 0}}), "privacy.cap.epsilon is 0"),
        (changed(PRIVATE, units_about=None), "units_about is missing; a private run needs"),
        (changed(PRIVATE, units_about=0), "units_about is 0; it must be greater than or equal to 1"),
        (changed(PLAIN, privacy=None), "privacy is None; write the word none, or a promise"),
        (changed(PLAIN, privacy="None"), "privacy is 'None'; write the word none"),
        ({key: value for key, value in PLAIN.items() if key != "privacy"}, "key privacy is missing"),
        ({key: value for key, value in PLAIN.items() if key != "unit"}, "key unit is missing"),
        ({key: value for key, value in PLAIN.items() if key != "schema"}, "schema is missing"),
        (changed(PLAIN, holdout=0.95), "holdout.fraction is 0.95; it must be less than or equal to 0.9"),
        (changed(PLAIN, holdout=0), "holdout.fraction is 0; it must be greater than 0"),
        (changed(PLAIN, holdout="some"), "holdout is 'some'"),
        (changed(PLAIN, holdout={"path": "absent.csv"}), "holdout.path is 'absent.csv'; there is no file"),
        (changed(PLAIN, source={"id": "a", "path": "absent.csv"}), "source.path is 'absent.csv'; there is no file"),
        (changed(PLAIN, source={"id": "a", "path": "*.parquet"}), "source.path is '*.parquet'; no file matches"),
        (changed(PLAIN, source={"id": "a"}), "source: name exactly one of 'path'"),
        (changed(PLAIN, source={"id": "a b", "path": "visits.csv"}), "source.id is 'a b'"),
        (changed(PLAIN, source={"id": "a", "path": "visits.csv", "parent": "a"}), "cannot be its own parent"),
        (changed(PLAIN, surprise=1), "key surprise is unknown; allowed here: source, schema, domain, unit"),
        (
            changed(PLAIN, source={"id": "a", "file": "visits.csv"}),
            "key source.file is unknown; allowed here: id, path",
        ),
        (
            changed(PLAIN, engine={"default": {"name": "oracle"}}),
            "engine.default.name is 'oracle'; it must be one of sequence",
        ),
        (
            changed(PLAIN, engine={"default": {"depth": 2}}),
            "key engine.default.depth is unknown; allowed here: embedding",
        ),
        (
            changed(PLAIN, engine={"default": {"epochs": "two"}}),
            "engine.default.epochs is 'two'; it must be a valid number",
        ),
        (changed(PLAIN, engine={"default": {"epochs": -1}}), "engine.default: engine: epochs is -1"),
        (changed(PLAIN, seed=-1), "seed is -1; it must be greater than or equal to 0"),
        (changed(PLAIN, seed=1.5), "seed is 1.5; it must be a valid integer"),
        (changed(PLAIN, sample={"units": 0}), "sample.units is 0"),
        (changed(PLAIN, tasks=[{"name": "x"}]), "key tasks.0.target is missing"),
        (
            changed(PLAIN, tasks=[{"name": "x", "target": "ward", "kind": "next"}]),
            "tasks.0.kind is 'next'; it must be 'class' or 'next-item'",
        ),
        (
            changed(PLAIN, tasks=[{"name": "x", "target": "ward", "kind": "next-item", "at": 0}]),
            "tasks.0.at is 0",
        ),
        (
            changed(PLAIN, tasks=[{"name": "x", "target": "ward", "kind": "next-item", "features": ["age"]}]),
            "tasks.0: features belongs to a task of kind class, and this one is of kind next-item; leave it out",
        ),
        (
            changed(PLAIN, tasks=[{"name": "x", "target": "ward", "at": 5}]),
            "tasks.0: at belongs to a task of kind next-item, and this one is of kind class; leave it out",
        ),
        (changed(PLAIN, device="tpu9000"), "device 'tpu9000' is unknown"),
        (changed(PLAIN, gate={"pair_agreement": "high"}), "gate.pair_agreement is 'high'"),
        (changed(PLAIN, gate={"beauty": 1}), "gate.beauty is unknown; there are"),
        ("source: [", "config.yaml, line 1: "),
        ("seed: 1\nseed: 2\n", "config.yaml, line 2: key 'seed' stands twice"),
        ("just text", "holds no keys"),
        ("", "holds no keys"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_key_and_what_is_allowed(
    folder: Path, content: object, message: str
) -> None:
    path = written(folder, content)
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    text = str(caught.value)
    assert message in text
    assert text.startswith(str(path))
    assert "\n" not in text


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such configuration file"):
        read_config(tmp_path / "absent.yaml")


def test_a_configuration_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("unit: Größe".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="not UTF-8 at byte"):
        read_config(tmp_path / "latin.yaml")


def test_paths_take_variables_and_defaults_and_stand_beside_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    assert resolve_path("${DATA:-here}/a.csv", config, "source.path", {}) == tmp_path / "here" / "a.csv"
    assert resolve_path("${DATA:-here}/a.csv", config, "source.path", {"DATA": "/data"}) == Path("/data/a.csv")
    with pytest.raises(ConfigurationError, match=r"source.path uses \$\{DATA\}, and the environment has no DATA"):
        resolve_path("${DATA}/a.csv", config, "source.path", {})


def test_the_ledger_is_the_environments_else_the_configurations_else_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    monkeypatch.setenv("SIMULACRA_LEDGER", "/elsewhere/ledger.sqlite")
    assert ledger_path("mine.sqlite", config) == Path("/elsewhere/ledger.sqlite")
    monkeypatch.delenv("SIMULACRA_LEDGER")
    assert ledger_path("mine.sqlite", config) == tmp_path / "mine.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert ledger_path() == tmp_path / "data" / "simulacra" / "ledger.sqlite"


def test_the_documentation_names_every_key() -> None:
    text = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    models = (ConfigFile, SourceFile, PrivacyFile, CapFile, TaskFile)
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    thresholds = {field.name for field in dataclasses.fields(Thresholds)}
    unnamed = {key for key in keys | thresholds if key not in text} - {"table", "features", "description"}
    assert unnamed == set()
