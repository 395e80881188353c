"""The examples are kept readable; running them is the business of the demo and of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from domains.pipeline.config import read_config
from shared.corpus.reading import read_corpus
from shared.corpus.schema_file import read_schema

EXAMPLES = Path(__file__).parents[3] / "examples"
SIMULATED = {"medical/demo": "medical", "medical/hospital-tables": "medical", "tabular/behaviour": "shop"}
REAL = [
    "medical/diabetes130",
    "medical/diabetes130-private",
    "tabular/adult",
    "tabular/adult-private",
    "tabular/adult-vae",
    "tabular/adult-gan",
]


def test_every_example_is_read_by_a_test_below() -> None:
    configurations = {path for path in EXAMPLES.rglob("*") if path.is_file() and not path.match("*.schema.yaml")}
    assert configurations == {EXAMPLES / f"{name}.yaml" for name in [*SIMULATED, *REAL]}


@pytest.mark.parametrize(("name", "domain"), SIMULATED.items())
def test_simulated_configurations_need_no_records(name: str, domain: str) -> None:
    config = read_config(EXAMPLES / f"{name}.yaml")
    assert config.source.simulation is not None
    assert config.domain == domain
    assert config.privacy is None


@pytest.mark.parametrize("name", REAL)
def test_first_line_says_that_real_data_is_read(name: str) -> None:
    first = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# Reads real data")


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_configurations_of_real_data_are_valid(name: str, real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REAL_DATA", str(real_data.resolve()))
    config = read_config(EXAMPLES / f"{name}.yaml")
    assert (config.privacy is not None) == name.endswith("private")
    if config.privacy is not None:
        assert config.privacy.epsilon == 3


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.schema.yaml")), ids=lambda path: path.stem)
def test_schemas_of_examples_learn_nothing_from_records(path: Path) -> None:
    schema = read_schema(path)
    assert not any(column.learned for table in schema.tables for column in table.columns)


@pytest.mark.realdata
def test_adult_test_labels_are_spelled_as_in_training(real_data: Path) -> None:
    schema = read_schema(EXAMPLES / "tabular" / "adult.schema.yaml")
    for part, rows in (("train", 32_561), ("test", 16_281)):
        frame = read_corpus(schema, real_data / "tabular" / "adult" / f"adult-{part}.csv.gz").tables["adult"]
        assert len(frame) == rows
        assert set(frame["income"]) == {"<=50K", ">50K"}
