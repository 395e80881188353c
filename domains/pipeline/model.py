"""A fitted model in a folder: all that is needed to generate, and nothing of the records.

::

    MODEL/model.json               what it is, what it promises, how much it gives unless told otherwise
    MODEL/schema.yaml              the schema of what it generates
    MODEL/tables/NAME/codec.json   columns to codes and back
    MODEL/tables/NAME/engine/      config.json, weights.safetensors
    MODEL/tables/NAME/texts/N/     what writes its N-th text column
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from domains.base.registry import domain_named
from domains.pipeline.conditions import Conditions
from domains.pipeline.declaring import TableDeclaration, tables_of
from domains.pipeline.engines import load_engine
from domains.pipeline.table_model import TableModel
from domains.pipeline.texts import TextModel, text_columns
from domains.pipeline.versions import SUITE, suite_version
from shared.codecs.table import TableCodec
from shared.corpus.schema import Schema
from shared.corpus.schema_file import read_schema, write_schema
from shared.corpus.timeline import apart
from shared.engines.encoded import Given, Histories
from shared.errors import ConfigurationError, DataError, SimulacraError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

TABLES = "tables"
TEXTS = "texts"
UNITS_WITH_ROWS = 2_048  # units whose rows in all tables are held at once
FORMAT: Final = "simulacra-model/1"


class PromiseMade(BaseModel):
    """The promise that a private model keeps, and what spent it: plain values, none of them computed on records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epsilon: float
    delta: float
    unit: str
    relation: str
    mechanisms: tuple[dict[str, Any], ...] = ()
    learned_cleaning: bool = False


class Provenance(BaseModel):
    """``model.json``.

    ``tables`` has the engine of each table, the first being that of the units. ``most_rows`` is the declared cap of
    each further table in a private run. ``units`` is how many are generated unless told otherwise, declared in a
    private run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["simulacra-model/1"] = FORMAT
    suite: str = SUITE
    version: str
    source: str
    domain: str
    tables: dict[str, str]
    most_rows: dict[str, int] | None = None
    units: int
    promise: PromiseMade | None


@dataclass(frozen=True, eq=False)
class Model:
    """Generates corpora. ``schema`` is that of the output; ``tables`` has each table behind the one above it."""

    provenance: Provenance
    schema: Schema
    tables: tuple[TableModel, ...]

    @property
    def only(self) -> TableModel:
        """The model of a corpus of one table; ``ConfigurationError`` for several."""
        if len(self.tables) > 1:
            raise ConfigurationError(
                f"the model has {len(self.tables)} tables ({', '.join(table.name for table in self.tables)}); "
                "conditions and given values are for models of one table"
            )
        return self.tables[0]

    def sample(
        self, units: int, *, seed: int, reporter: Reporter, conditions: Conditions | None = None
    ) -> Iterator[dict[str, pd.DataFrame]]:
        """Give ``units`` units as frames by table, batch by batch; memory does not grow with their number.

        Identifiers go on from batch to batch. Derived columns are computed, exclusions are never broken, keys hold.
        What is given by ``conditions`` is kept; ``ConditionError`` if it cannot be.
        """
        random = numpy_generator(seed, "decode")
        root, key = self.tables[0], derive(seed, "identifiers")
        codec, given = (root.codec, None) if conditions is None else (conditions.codec, conditions.given)
        first_unit, rows = 0, dict.fromkeys((table.name for table in self.tables), 0)
        with reporter.stage("sampling", units) as stage:
            for number, batch in enumerate(self._units(units, derive(seed, "engine"), given)):
                frame = codec.decode(
                    batch, random, first_unit=first_unit, first_row=rows[root.name], identifier_key=key
                )
                if conditions is not None:
                    conditions.written_into(frame, batch.rows_per_unit, first_unit, rows[root.name])
                drawn = {root.name: root.drawn(frame, batch, seed=derive(seed, "texts", number), reporter=reporter)}
                for table in self.tables[1:]:
                    assert table.view.parent is not None
                    drawn[table.name] = table.below(
                        drawn[table.view.parent.table],
                        random,
                        seed=derive(seed, "rows", number),
                        first_row=rows[table.name],
                        identifier_key=key,
                        reporter=reporter,
                    )
                yield apart(self.schema, {table.name: table.written(drawn[table.name]) for table in self.tables})
                first_unit += len(batch)
                rows = {name: count + len(drawn[name].frame) for name, count in rows.items()}
                stage.advance(len(batch))

    def frames(
        self, units: int, *, seed: int, reporter: Reporter, conditions: Conditions | None = None
    ) -> Iterator[pd.DataFrame]:
        """What :meth:`sample` gives of the only table; ``ConfigurationError`` for several."""
        name = self.only.name
        batches = self.sample(units, seed=seed, reporter=reporter, conditions=conditions)
        return (batch[name] for batch in batches)

    def _units(self, units: int, seed: int, given: Given | None) -> Iterator[Histories]:
        """Batches of units; small ones where each has rows in further tables."""
        root = self.tables[0]
        for batch in root.engine.sample(units, seed=seed, given=given, exclusions=root.exclusions):
            size = len(batch) if len(self.tables) == 1 else UNITS_WITH_ROWS
            for start in range(0, len(batch), max(1, size)):
                yield batch if size >= len(batch) else batch.take(np.arange(start, min(start + size, len(batch))))

    def save(self, folder: Path) -> None:
        """Write the model into ``folder``, which exists and is empty."""
        content = json.dumps(self.provenance.model_dump(mode="json"), indent=2)
        (folder / "model.json").write_text(content + "\n", encoding="utf-8")
        write_schema(self.schema, folder / "schema.yaml")
        for table in self.tables:
            codec = json.dumps(table.codec.to_json(), indent=1, allow_nan=False)
            engine_folder(folder, table.name).mkdir(parents=True)
            (folder / TABLES / table.name / "codec.json").write_text(codec + "\n", encoding="utf-8")
            table.engine.save(engine_folder(folder, table.name))
            for place, text in enumerate(table.texts):
                text.save(folder / TABLES / table.name / TEXTS / str(place))


def engine_folder(folder: Path, table: str) -> Path:
    """Where the engine of a table lies in the folder of a model."""
    return folder / TABLES / table / "engine"


def load_model(folder: Path, *, device: str = "cpu") -> Model:
    """The model in a folder; raises ``DataError`` for what is not one, or is damaged."""
    provenance = _provenance(folder)
    schema = read_schema(folder / "schema.yaml")
    declared = tables_of(domain_named(provenance.domain), schema, provenance.most_rows)
    if [table.name for table in declared] != list(provenance.tables):
        raise DataError(
            f"{folder}: model.json is of the tables {', '.join(provenance.tables)}, schema.yaml is not; "
            "fit the model again"
        )
    return Model(provenance, schema, tuple(_table_model(folder, table, provenance, device) for table in declared))


def _table_model(folder: Path, declared: TableDeclaration, provenance: Provenance, device: str) -> TableModel:
    path = folder / TABLES / declared.name / "codec.json"
    try:
        codec = TableCodec.from_json(declared.view.history, json.loads(path.read_text(encoding="utf-8")))
    except SimulacraError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{path} is damaged ({type(error).__name__}); fit the model again") from error
    name, place = provenance.tables[declared.name], engine_folder(folder, declared.name)
    engine = load_engine(name, place, codec, device=device)
    written = text_columns(codec.table)
    texts = [
        TextModel.load(folder / TABLES / declared.name / TEXTS / str(n), device=device) for n in range(len(written))
    ]
    if [text.column for text in texts] != list(written):
        raise DataError(f"{path.parent / TEXTS}: the texts are not those of the schema; fit the model again")
    return TableModel(declared.view, declared.constraints, codec, engine, tuple(texts))


def _provenance(folder: Path) -> Provenance:
    path = folder / "model.json"
    if not folder.is_dir() or not path.is_file():
        raise DataError(f"{folder} holds no model; give a folder that 'simulacra fit' wrote")
    try:
        return Provenance.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        place = ".".join(map(str, first["loc"])) or "content"
        raise DataError(f"{path}: {place}: {first['msg']}; fit the model again, or install its version") from error


def provenance(
    *,
    source: str,
    domain: str,
    tables: dict[str, str],
    most_rows: dict[str, int] | None,
    units: int,
    promise: PromiseMade | None,
) -> Provenance:
    """Provenance of a model of this version."""
    return Provenance(
        version=suite_version(),
        source=source,
        domain=domain,
        tables=tables,
        most_rows=most_rows,
        units=units,
        promise=promise,
    )
