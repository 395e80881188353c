"""Every engine of rows, in every domain's demo, plain and under a promise: a matrix."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from domains.base.registry import domain_named, domain_names
from domains.pipeline.config import read_config
from domains.pipeline.declaring import declare
from domains.pipeline.engines import ENGINES
from domains.pipeline.flow import fit_to
from domains.pipeline.model import load_model
from privacy.access import PrivateAccess
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.killed import World, calibrated_once

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OURS = [name for name in ENGINES if not name.startswith("sdv-")]
# Small and quick; what an engine does not know is left out.
SMALL = {
    "epochs": 1, "batch_units": 64, "hidden": 8, "embedding": 4, "context": 8, "latent": 4, "prior_hidden": 4,
    "mixture": 2, "least_steps": 4, "noise": 8, "critic_hidden": 8,
}  # fmt: skip
PRIVACY = {"epsilon": 2, "rows": 2, "steps": 20, "batch_units": 60, "cap": {"epsilon": 5}}
PLAIN_SCHEMA = {
    "name": "people",
    "tables": [
        {
            "name": "people",
            "columns": [
                {"name": "ward", "kind": "categorical", "categories": ["a", "b", "c"]},
                {"name": "age", "kind": "integer", "low": 0, "high": 99, "step": 1, "edges": [0, 20, 40, 60, 80, 99]},
                {"name": "smoker", "kind": "boolean"},
            ],
        }
    ],
}


def applies(engine: str, domain: str) -> bool:
    """Engines of rows know no columns of units, which the demos of domains with a schema have."""
    return ENGINES[engine].below or domain_named(domain).schema() is None


@pytest.fixture(autouse=True)
def _one_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domains.pipeline.budgeting.calibrate_together", calibrated_once)


@pytest.mark.parametrize("engine", [name for name in OURS if not ENGINES[name].of_unit])
def test_an_engine_of_rows_refuses_columns_of_units_before_anything_is_charged(engine: str, tmp_path: Path) -> None:
    path = demo("medical", tmp_path, engine, PRIVACY)
    path.write_text(path.read_text().replace("unit: row", "unit: patient_id"))
    with pytest.raises(ConfigurationError, match="has one value a unit, and"):
        declare(read_config(path))


def settings(engine: str) -> dict[str, Any]:
    known = ENGINES[engine].config.__dataclass_fields__
    return {"name": engine, **{name: value for name, value in SMALL.items() if name in known}}


def demo(domain: str, folder: Path, engine: str, privacy: Any) -> Path:
    """The demo of a domain, made small; engines of rows take every row for a unit."""
    source: dict[str, Any] = {"id": domain}
    content: dict[str, Any] = {"domain": domain, "unit": "row", "holdout": 0.2, "seed": 1}
    if domain_named(domain).schema() is None:
        lines = [f"{'abc'[n % 3]},{(n * 37) % 100},{'true' if n % 4 else 'false'}" for n in range(300)]
        (folder / "people.csv").write_text("\n".join(["ward,age,smoker", *lines]) + "\n")
        (folder / "schema.yaml").write_text(yaml.safe_dump(PLAIN_SCHEMA))
        source["path"], content["schema"] = "people.csv", "schema.yaml"
    else:
        source["simulate"] = {"units": 150, "seed": 1}
        if ENGINES[engine].below:
            content["unit"] = "patient_id"
    content |= {"source": source, "units_about": 300, "engine": {"default": settings(engine)}, "privacy": privacy}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def one_table(domain: str) -> bool:
    """Several tables, time lines among them, have tests of their own."""
    schema = domain_named(domain).schema()
    return schema is None or len(schema.tables) == 1


@pytest.mark.parametrize("private", [False, True], ids=["plain", "private"])
@pytest.mark.parametrize(
    ("domain", "engine"),
    [(domain, engine) for domain in domain_names() for engine in OURS if one_table(domain) and applies(engine, domain)],
)
def test_it_runs_and_is_charged_for_the_steps_that_ran(
    domain: str, engine: str, private: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULACRA_LEDGER", str(tmp_path / "ledger.sqlite"))
    taken: list[int] = []
    step = PrivateAccess._private_step

    def counted(self: PrivateAccess, *given: Any) -> float:
        taken.append(1)
        return step(self, *given)

    monkeypatch.setattr(PrivateAccess, "_private_step", counted)
    config = read_config(demo(domain, tmp_path, engine, PRIVACY if private else "none"))
    made = fit_to(config, tmp_path / "model", SilentReporter(), now=NOW)
    model = load_model(tmp_path / "model")
    frames = list(model.frames(40, seed=1, reporter=SilentReporter()))
    assert sum(len(frame) for frame in frames) >= 40
    assert [column.name for column in model.only.view.source.columns] == list(frames[0].columns)
    if not private:
        assert made.promise is None
        return
    assert made.promise is not None
    events = [event for event in made.promise.mechanisms if event["kind"] == "poisson_sampled_gaussian"]
    assert sum(event["steps"] for event in events) == len(taken)
    assert len(taken) == (0 if engine == "marginal" else PRIVACY["steps"])


@pytest.mark.parametrize("engine", [name for name in OURS if name != "marginal"])
def test_a_killed_fit_ends_with_the_weights_of_the_unbroken_one(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIMULACRA_LEDGER", raising=False)
    world = World(tmp_path)
    own = {**settings(engine), "epochs": 6}
    world.killed(4, engine={"default": own})
    assert world.fit(engine={"default": own}) == world.fit("unbroken", engine={"default": own})


@pytest.mark.parametrize("engine", [name for name in OURS if name != "marginal"])
def test_a_killed_private_fit_keeps_its_one_charge(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIMULACRA_LEDGER", raising=False)
    world = World(tmp_path)
    own = {"engine": {"default": settings(engine)}, "privacy": PRIVACY}
    world.killed(3, **own)
    world.fit(**own)
    assert world.charges() == ["spent"]


@pytest.mark.parametrize("engine", OURS)
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIMULACRA_LEDGER", raising=False)
    world = World(tmp_path)
    own = {"engine": {"default": settings(engine)}}
    first, again, other = world.fit("a", **own), world.fit("b", **own), world.fit("c", **own, seed=9)
    assert first == again
    assert first != other or engine == "marginal", "exact marginals have no luck in them"
