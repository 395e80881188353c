"""A text column of a table: learned given the row, written for generated rows, kept in the model's folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mute import mute

from domains.pipeline import budgeting
from domains.pipeline.config import read_config
from domains.pipeline.flow import fit_to
from domains.pipeline.model import load_model
from privacy.budget.promise import Mechanisms, Promise, Workload
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Column, Schema, Table
from shared.corpus.schema_file import write_schema
from shared.corpus.writing import write_corpus
from shared.errors import ConfigurationError, DataError, SchemaError
from shared.training.reporter import SilentReporter

__all__ = ["mute"]

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CITIES = ("Rome", "Oslo", "Kyoto")
CONFIG = """
source: {{id: notes, path: {data}}}
schema: {schema}
unit: person
units_about: 120
holdout: 0.25
engine:
  notes:
    epochs: 20
    text:
      note: {{{text}}}
privacy: {privacy}
sample: {{units: 30}}
"""
TEXT = (
    "network: transformer, hidden: 32, layers: 1, most_tokens: 80, epochs: 14, learning_rate: 0.02, batch_units: 8, "
    "slots: [city], required: [city], tries: 10"
)


def schema() -> Schema:
    columns = (
        Column(name="person", kind="identifier", pattern="AAA9999"),
        Column(name="city", kind="categorical", categories=CITIES, nullable=False),
        Column(name="glad", kind="boolean", nullable=False),
        Column(name="note", kind="text"),
    )
    return Schema(name="notes", tables=(Table(name="notes", columns=columns, unit="person", missing=("?",)),))


def notes(people: int, words: str = "is") -> pd.DataFrame:
    """People with one or two notes; every fifth has none."""
    random = np.random.default_rng(0)
    rows = []
    for person in range(people):
        for _ in range(1 + person % 2):
            city, glad = CITIES[random.integers(3)], bool(random.integers(2))
            note = f'{city} {words} {"good" if glad else "bad"}, "so"\nsay' if person % 5 else None
            rows.append((f"ABC{person:04d}", city, glad, note))
    dtypes = {"person": "str", "city": "str", "glad": "boolean", "note": "str"}
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    write_corpus(Corpus(schema(), {"notes": notes(120)}), folder)
    return folder


def configured(folder: Path, data: Path, *, text: str = TEXT, privacy: str = "none") -> Path:
    path = folder / "config.yaml"
    write_schema(schema(), folder / "schema.yaml")
    path.write_text(CONFIG.format(data=data / "notes.csv", schema=folder / "schema.yaml", text=text, privacy=privacy))
    return path


@pytest.fixture(scope="module")
def model_folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    fit_to(read_config(configured(folder, data)), folder / "model", SilentReporter(), now=NOW)
    return folder / "model"


def sampled(folder: Path, *, units: int = 30, seed: int = 1) -> pd.DataFrame:
    model = load_model(folder)
    return pd.concat(model.frames(units, seed=seed, reporter=SilentReporter()), ignore_index=True)


def test_texts_fit_the_rows_that_they_are_written_for(model_folder):
    frame = sampled(model_folder)
    written = frame[frame["note"].notna()]
    assert len(written) > 0.5 * len(frame)
    assert written["note"].str.contains("[", regex=False).sum() == 0
    said = [row.city in row.note for row in written.itertuples()]
    mood = [("good" if row.glad else "bad") in row.note for row in written.itertuples()]
    assert np.mean(said) > 0.9
    assert np.mean(mood) > 0.8


def test_the_same_seed_gives_the_same_texts(model_folder):
    assert sampled(model_folder).equals(sampled(model_folder))
    assert not sampled(model_folder)["note"].equals(sampled(model_folder, seed=2)["note"])


def test_a_model_without_its_texts_is_refused(model_folder, tmp_path):
    import shutil

    shutil.copytree(model_folder, tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "tables" / "notes" / "texts")
    with pytest.raises(DataError, match="fit the model again"):
        load_model(tmp_path / "model")


PRIVATE = "{epsilon: 3, rows: 2, steps: 6, batch_units: 12, cap: {epsilon: 30}}"
SMALL = "network: lstm, hidden: 8, embedding: 4, layers: 1, most_tokens: 48, slots: [city], tries: 2"


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Promise, Workload]]:
    """Mechanisms as if they had been calibrated, which takes its time; what was asked for is kept."""
    asked: list[tuple[Promise, Workload]] = []

    def found(promises, spending, workloads):
        asked.extend(zip(promises, workloads, strict=True))
        return tuple(
            Mechanisms(
                promise=promise,
                workload=workload,
                category_scale=0.0,
                category_threshold=0.0,
                category_delta=0.0,
                statistics_multiplier=4.0 if workload.row_columns else 0.0,
                training_multiplier=5.0,
                batch_units=spending.batch_units,
                steps=spending.steps,
                clipping_norm=1.0,
                epsilon=3.0,
                delta=1e-3,
            )
            for promise, workload in zip(promises, workloads, strict=True)
        )

    monkeypatch.setattr(budgeting, "calibrate_together", found)
    return asked


def test_under_a_promise_texts_are_paid_for_beside_the_rows(data, tmp_path, calibrated, monkeypatch):
    monkeypatch.setenv("SIMULACRA_LEDGER", str(tmp_path / "ledger.sqlite"))
    config = read_config(configured(tmp_path, data, text=SMALL, privacy=PRIVATE))
    made = fit_to(config, tmp_path / "model", SilentReporter(), now=NOW)
    (rows, counted), (text, training) = calibrated
    assert text == rows
    assert counted.row_columns == 2
    assert training == Workload(unknown_categories=0, unit_columns=0, row_columns=0, row_counts=False, training=True)
    trained = [event for event in made.promise.mechanisms if event.get("steps") == 6]
    assert len(trained) == 2
    assert len(sampled(tmp_path / "model", units=5)) >= 5


def test_without_its_mechanism_nothing_of_a_text_is_in_the_model(data, tmp_path, calibrated, mute, monkeypatch):
    """Other people with other notes, and mechanisms that say nothing: the model is the same to the byte."""
    monkeypatch.setenv("SIMULACRA_LEDGER", str(tmp_path / "ledger.sqlite"))
    seen = []
    for name, people, words in (("one", 120, "was"), ("two", 170, "will be much")):
        (tmp_path / name).mkdir()
        write_corpus(Corpus(schema(), {"notes": notes(people, words)}), tmp_path / name)
        path = configured(tmp_path, tmp_path / name, text=SMALL, privacy=PRIVATE)
        fit_to(read_config(path), tmp_path / f"model-{name}", SilentReporter(), now=NOW)
        files = sorted(p for p in (tmp_path / f"model-{name}").rglob("*") if p.is_file())
        seen.append({str(p.relative_to(tmp_path / f"model-{name}")): p.read_bytes() for p in files})
    assert any("texts" in name for name in seen[0])
    assert [name for name in seen[0] if seen[0][name] != seen[1][name]] == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("network: rnn", "network"),
        ("colour: 3", "colour"),
        ("tries: 0", "tries is 0"),
        ("temperature: 0.0", "temperature is 0"),
    ],
)
def test_settings_that_cannot_be_are_named(data, tmp_path, text, wanted):
    with pytest.raises(ConfigurationError, match=wanted):
        read_config(configured(tmp_path, data, text=text))


def test_slots_are_columns_that_are_learned(data, tmp_path):
    config = read_config(configured(tmp_path, data, text="slots: [town]"))
    with pytest.raises(ConfigurationError, match="'town' is no column"):
        fit_to(config, tmp_path / "model", SilentReporter(), now=NOW)


def test_text_hangs_on_rows():
    with pytest.raises(SchemaError, match="leave of_unit out"):
        Column(name="note", kind="text", of_unit=True)
