"""Task corpora: exact counts, splits that share nothing, a classifier that learns, and leaks that are found."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from domains.medical import MedicalDomain
from domains.pipeline import task_corpus
from domains.pipeline.leaks import features_of, leaks
from domains.pipeline.mixing import exact_counts
from domains.pipeline.task_corpus import SPLITS, make_task_corpus
from evaluation.features import feature_matrices
from shared.corpus.reading import read_corpus
from shared.corpus.schema_file import read_schema
from shared.errors import ConfigurationError, DataError
from shared.training.reporter import SilentReporter

BALANCE = {"inpatient": 0.5, "outpatient": 0.3, "emergency": 0.2}
SCHEMA = MedicalDomain().schema()
assert SCHEMA is not None
TABLE = SCHEMA.tables[0]
TASK = next(task for task in MedicalDomain().tasks(SCHEMA) if task.name == "admission")


def make(out: Path, size: int = 600, balance: dict[str, float] | None = BALANCE, seed: int = 1):  # type: ignore[no-untyped-def]
    return make_task_corpus(
        "medical", "admission", size, balance=balance, shares=(0.8, 0.1, 0.1), out=out, model=None, seed=seed,
        reporter=SilentReporter(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("task") / "corpus"
    make(out)
    return out


@pytest.fixture(scope="module")
def splits(folder: Path) -> dict[str, pd.DataFrame]:
    schema = read_schema(folder / "schema.yaml")
    return {name: read_corpus(schema, folder / name).tables[TABLE.name] for name in SPLITS}


def test_size_and_class_mix_are_exact_in_every_split(splits: dict[str, pd.DataFrame]) -> None:
    assert {name: len(frame) for name, frame in splits.items()} == {"train": 480, "validation": 60, "test": 60}
    for name, frame in splits.items():
        counts = Counter(frame[TASK.target])
        assert counts == {word: round(share * len(frame)) for word, share in BALANCE.items()}, name


def test_splits_share_no_unit_no_key_and_no_features(splits: dict[str, pd.DataFrame]) -> None:
    assert leaks(splits, TASK, TABLE) == ()
    assert pd.concat(splits.values())["patient_id"].is_unique


def test_a_classifier_learns_the_task(splits: dict[str, pd.DataFrame]) -> None:
    features = feature_matrices(features_of(TASK, TABLE), splits)
    truth = {name: (frame[TASK.target] == "inpatient").to_numpy() for name, frame in splits.items()}
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(features["train"], truth["train"])
    assert roc_auc_score(truth["test"], model.predict_proba(features["test"])[:, 1]) > 0.7


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("patient_id", "unit 'patient_id'"),
        ("encounter_id", "primary key 'encounter_id'"),
        ("bmi", "rows have the features"),
    ],
)
def test_a_planted_leak_is_found(splits: dict[str, pd.DataFrame], column: str, said: str) -> None:
    leaky = {name: frame.copy() for name, frame in splits.items()}
    if column == "bmi":
        copied = (
            splits["train"].iloc[[0]].assign(patient_id="P0", encounter_id="E0", age=splits["train"]["age"].iloc[0] + 1)
        )
        leaky["test"] = pd.concat([leaky["test"], copied], ignore_index=True)
    else:
        leaky["test"].loc[0, column] = splits["train"].loc[3, column]
    (found,) = leaks(leaky, TASK, TABLE)
    assert said in found


def test_equal_seeds_give_equal_corpora_and_others_do_not(folder: Path, tmp_path: Path) -> None:
    files = []
    for name, seed in (("same", 1), ("other", 2)):
        make(tmp_path / name, seed=seed)
        files.append((tmp_path / name / "train" / "encounters.csv").read_bytes())
    first = (folder / "train" / "encounters.csv").read_bytes()
    assert files[0] == first
    assert files[1] != first


def test_the_manifest_says_what_is_in_the_folder(folder: Path) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    assert content["counts"]["test"] == {"inpatient": 30, "outpatient": 18, "emergency": 12}
    assert {"train/encounters.csv", "schema.yaml", "README.md"} <= set(content["files"])
    assert "| test |" in (folder / "README.md").read_text()


def test_a_class_that_is_too_rare_is_named_with_its_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_corpus, "_LEAST_DRAWS", 1)
    monkeypatch.setattr(task_corpus, "_DRAWS_PER_EXAMPLE", 1)
    with pytest.raises(DataError, match=r"class 'inpatient' .* % of the rows, .* smaller share"):
        make(tmp_path / "rare", 2000, {"inpatient": 1.0})
    with pytest.raises(DataError, match="classes that occur are emergency, inpatient, outpatient"):
        make(tmp_path / "wrong", 100, {"dragon": 1.0})
    assert list(tmp_path.iterdir()) == []


def test_shares_that_do_not_add_up_are_refused() -> None:
    assert exact_counts(10, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}) == {"a": 4, "b": 3, "c": 3}
    with pytest.raises(ConfigurationError, match="a=0.5, b=0.6"):
        exact_counts(10, {"a": 0.5, "b": 0.6})
