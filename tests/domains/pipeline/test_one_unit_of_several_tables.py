"""One unit more or less, in all tables: what its rows move of histograms and of a training step"""

from __future__ import annotations

import dataclasses
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import privacy.statistics
from domains.pipeline.budgeting import plan
from domains.pipeline.config import Config, read_config
from domains.pipeline.declaring import Declaration, declare
from domains.pipeline.records import read_records
from domains.pipeline.training import _given, learning_table
from privacy.access import PrivateAccess
from privacy.budget.promise import Mechanisms
from privacy.noise import Noise
from shared.access.contract import Phase
from shared.codecs.encoding import encode_units
from shared.codecs.table import TableCodec
from shared.corpus.joining import groups_of, histories_of
from shared.corpus.scratch import Scratch
from shared.corpus.units import UnitFrame
from shared.engines.encoded import Histories
from shared.engines.sequence.config import SequenceConfig
from shared.engines.sequence.engine import SequenceEngine
from shared.engines.sequence.inputs import Examples
from shared.training.reporter import SilentReporter

KEY = b"the key of the source"
NORM = 0.05
CAPS = {"encounters": 4, "diagnoses": 7, "bills": 3}


def _schema() -> dict[str, Any]:
    def ident(name: str) -> dict[str, Any]:
        return {"name": name, "kind": "identifier", "nullable": False}

    def number(name: str) -> dict[str, Any]:
        return {"name": name, "kind": "integer", "low": 0, "high": 9}

    return {
        "name": "hospital",
        "tables": [
            {"name": "patients", "primary_key": "patient", "columns": [ident("patient"), number("age"),
             {"name": "town", "kind": "categorical"}]},
            {"name": "encounters", "primary_key": "encounter", "order_by": "day",
             "foreign_keys": [{"column": "patient", "table": "patients"}],
             "columns": [ident("encounter"), ident("patient"), number("day"), {"name": "ward", "kind": "categorical"}]},
            {"name": "diagnoses", "primary_key": "diagnosis",
             "foreign_keys": [{"column": "encounter", "table": "encounters"},
                              {"column": "patient", "table": "patients"}],
             "columns": [ident("diagnosis"), ident("encounter"), ident("patient"), number("severity"),
                         {"name": "code", "kind": "categorical", "categories": ["a", "b", "c"]}]},
            {"name": "bills", "foreign_keys": [{"column": "patient", "table": "patients"}],
             "columns": [ident("patient"), number("sum")]},
        ],
    }  # fmt: skip


def _rows(
    patient: str, random: np.random.Generator, encounters: int, diagnoses: int, bills: int
) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {"patients": [(patient, random.integers(10), f"t{random.integers(3)}")]}
    rows |= {"encounters": [], "diagnoses": [], "bills": []}
    for encounter in range(encounters):
        name = f"{patient}-{encounter}"
        rows["encounters"].append((name, patient, random.integers(10), f"w{random.integers(3)}"))
        for diagnosis in range(diagnoses):
            rows["diagnoses"].append(
                (f"{name}-{diagnosis}", name, patient, random.integers(10), random.choice(list("abc")))
            )
    rows["bills"] = [(patient, random.integers(10)) for _ in range(bills)]
    return rows


def _heavy(patient: str) -> dict[str, list[Any]]:
    """A unit with more rows than every cap, all alike, and with values of its own."""
    rows: dict[str, list[Any]] = {"patients": [(patient, 9, "its own town")], "encounters": [], "diagnoses": []}
    for encounter in range(9):
        rows["encounters"].append((f"{patient}-{encounter}", patient, 9, "its own ward"))
        rows["diagnoses"] += [
            (f"{patient}-{encounter}-{d}", f"{patient}-{encounter}", patient, 9, "c") for d in range(5)
        ]
    return rows | {"bills": [(patient, 9)] * 8}


def _written(folder: Path, target: dict[str, list[Any]] | None) -> Config:
    folder.mkdir()
    (folder / "data").mkdir()
    random, schema = np.random.default_rng(1), _schema()
    parts = []
    for number in range(240):
        counts = (int(random.integers(0, 4)), int(random.integers(0, 3)), int(random.integers(0, 3)))
        parts.append(_rows(f"p{number:02}", random, *counts))
    if target is not None:
        parts.insert(17, target)
    for table in schema["tables"]:
        names = [column["name"] for column in table["columns"]]
        frame = pd.DataFrame([row for part in parts for row in part[table["name"]]], columns=names)
        # Any order of rows: that of the others must not change with the target there.
        order = np.argsort([zlib.crc32("|".join(map(str, row)).encode()) for row in frame.to_numpy()], kind="stable")
        frame.iloc[order].to_csv(folder / "data" / f"{table['name']}.csv", index=False)
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))
    content = {
        "source": {"id": "hospital", "path": "data"}, "schema": "schema.yaml", "unit": "patient", "units_about": 240,
        "holdout": 0.2, "seed": 3,
        "privacy": {"epsilon": 3, "rows": CAPS, "steps": 300, "batch_units": 16, "clipping_norm": NORM,
                    "cap": {"epsilon": 9}},
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return read_config(folder / "config.yaml")


class _Silent(Noise):
    def gaussian(self, scale: float, shape: Any) -> Any:
        return np.zeros(shape)

    def laplace(self, scale: float, shape: Any) -> Any:
        return np.zeros(shape)

    def add_gaussian_(self, tensor: Any, scale: float) -> None:
        pass


@dataclasses.dataclass
class Side:
    """What a run sees of each table, without noise."""

    counts: dict[str, np.ndarray]
    data: dict[str, UnitFrame]
    histories: dict[str, UnitFrame]
    codecs: dict[str, TableCodec]
    mechanisms: dict[str, Mechanisms]
    access: dict[str, PrivateAccess]
    declaration: Declaration


def _side(config: Config, folder: Path, known: Side | None, patch: pytest.MonkeyPatch) -> Side:
    declaration = declare(config)
    mechanisms = plan(config, declaration) if known is None else known.mechanisms
    assert mechanisms is not None
    records = read_records(config, declaration, KEY, Scratch(folder), SilentReporter())
    side = Side({}, {}, {}, {}, mechanisms, {}, declaration)
    for table in declaration.tables:
        view, units = table.view, records[table.name].train
        assert isinstance(units, UnitFrame)
        data = units.as_table(learning_table(table, private=True))
        histories = data if view.parent is None else histories_of(view, data)
        access = PrivateAccess(data, mechanisms[table.name], noise=_Silent())
        seen: list[np.ndarray] = []
        patch.setattr(
            privacy.statistics, "whole", lambda noisy, seen=seen: seen.append(noisy) or np.maximum(noisy, 0.0)
        )
        # The same categories on both sides: the stable histogram is a mechanism of its own.
        patch.setattr(privacy.statistics, "released", lambda values, units, *_: (("t0", "t1", "w0", "w1"), np.ones(4)))
        above = None if view.parent is None else side.codecs[view.parent.table]
        codec = TableCodec.learn(
            view.history, access.statistics, excluded=table.derived, known={} if above is None else _given(view, above)
        )
        if view.parent is not None:
            codec = dataclasses.replace(codec, rows_per_unit=np.r_[0.0, np.ones(mechanisms[table.name].promise.rows)])
        side.codecs[table.name] = codec if known is None else known.codecs[table.name]
        side.counts[table.name] = seen[-1]
        side.data[table.name], side.histories[table.name], side.access[table.name] = data, histories, access
    return side


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    folder = tmp_path_factory.mktemp("neighbours")
    with pytest.MonkeyPatch.context() as patch:
        # A name that the keyed split trains on.
        without = _side(_written(folder / "without", None), folder, None, patch)
        for name in (f"target{i}" for i in range(20)):
            whole = _side(_written(folder / name, _heavy(name)), folder, without, patch)
            if name in whole.data["patients"].units:
                break
        yield whole, without


def test_the_target_is_there_with_as_many_rows_as_the_caps_allow(sides: tuple[Side, Side]) -> None:
    whole, without = sides
    for name, cap in {"patients": 1, **CAPS}.items():
        assert len(whole.data[name]) == len(without.data[name]) + 1
        assert whole.data[name].rows - without.data[name].rows == cap


@pytest.mark.parametrize("table", ["patients", *CAPS])
def test_a_unit_moves_the_histograms_of_each_table_by_no_more_than_their_sensitivity(
    sides: tuple[Side, Side], table: str
) -> None:
    whole, without = sides
    moved = float(np.linalg.norm(whole.counts[table] - without.counts[table]))
    allowed = whole.mechanisms[table].statistics_sensitivity
    assert moved <= allowed * (1 + 1e-9)
    assert moved >= 0.7 * allowed, "the target is meant to be nearly the worst"


def _network(side: Side, table: str) -> SequenceEngine:
    codec = side.codecs[table]
    shape = codec.shape
    if table != "patients":
        shape = dataclasses.replace(shape, given_units=True)
    return SequenceEngine.fresh(SequenceConfig(hidden=8, embedding=4, context=8), shape, seed=1)


def _encoded(side: Side, table: str, *, grouped: bool = True) -> Histories:
    encoded = encode_units(
        side.codecs[table], side.histories[table], Scratch(Path(tempfile.gettempdir())), SilentReporter()
    )
    if table == "patients" or not grouped:
        return encoded
    return dataclasses.replace(encoded, groups=groups_of(side.data[table], side.histories[table]))


def _clipped_sum(side: Side, table: str, chosen: np.ndarray) -> torch.Tensor:
    """The sum of a step over ``chosen`` units, before noise."""
    engine, examples = _network(side, table), None
    examples = Examples(_encoded(side, table), engine.state.network, torch.device("cpu"))
    engine.network.train()
    phase = Phase(engine.network, lambda drawn: engine._losses(examples, drawn))
    side.access[table]._accumulate(phase, chosen)
    return torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in engine.network.parameters()]
    )


def _by_autograd(side: Side, table: str) -> torch.Tensor:
    """Σ over units of the clipped gradient of Σ loss / m, unit by unit, its rows found by name and not by groups."""
    engine, cap = _network(side, table), side.mechanisms[table].promise.rows
    encoded, histories, data = _encoded(side, table, grouped=False), side.histories[table], side.data[table]
    root = data.table.unit or data.table.primary_key
    owner = histories.frame[root].astype(str).to_numpy()[histories.offsets[:-1]]
    total = None
    for unit in data.units:
        mine = encoded.take(np.flatnonzero(owner == unit))
        examples = Examples(mine, engine.state.network, torch.device("cpu"))
        engine.network.zero_grad()
        losses = engine._losses(examples, np.arange(len(mine)))
        (losses.values.sum() / cap).backward()
        flat = torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in engine.network.parameters()]
        )
        flat = flat * min(1.0, NORM / float(flat.norm()))
        total = flat if total is None else total + flat
    assert total is not None
    return total


@pytest.mark.parametrize("table", ["patients", *CAPS])
def test_a_step_clips_the_gradient_of_a_unit_as_autograd_has_it(sides: tuple[Side, Side], table: str) -> None:
    whole, _ = sides
    step = _clipped_sum(whole, table, np.arange(len(whole.data[table])))
    torch.testing.assert_close(step, _by_autograd(whole, table), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("table", ["patients", *CAPS])
def test_a_unit_moves_a_step_by_no_more_than_the_clipping_norm(sides: tuple[Side, Side], table: str) -> None:
    sums = [_clipped_sum(side, table, np.arange(len(side.data[table]))) for side in sides]
    moved = float((sums[0] - sums[1]).norm())
    assert 0.9 * NORM <= moved <= NORM * (1 + 1e-3)


@pytest.mark.parametrize("table", ["patients", *CAPS])
def test_examples_and_units_are_the_same_in_the_same_order(sides: tuple[Side, Side], table: str) -> None:
    whole, without = sides
    for side in sides:
        data, histories = side.data[table], side.histories[table]
        encoded = _encoded(side, table)
        assert encoded.examples == len(data)
        rows = (
            np.add.reduceat(encoded.rows_per_unit, encoded.groups[:-1])
            if encoded.groups is not None
            else encoded.rows_per_unit
        )
        np.testing.assert_array_equal(rows, data.rows_per_unit)
        root = data.table.unit or data.table.primary_key
        assert (data.frame[root].astype(str).to_numpy() == np.repeat(data.units, data.rows_per_unit)).all()
        assert histories.frame is data.frame
    ours, theirs = whole.data[table], without.data[table]
    kept = ~np.isin(ours.units.astype(str), [name for name in ours.units if str(name).startswith("target")])
    pd.testing.assert_frame_equal(ours.take(kept).frame, theirs.frame)


def test_groups_that_are_ignored_are_refused(sides: tuple[Side, Side]) -> None:
    whole, _ = sides
    access = whole.access["diagnoses"]
    plan = access.plan(None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="not those of this access"):
        access.batches(_encoded(whole, "diagnoses", grouped=False).examples, plan, 0)
