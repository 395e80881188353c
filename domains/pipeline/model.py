"""A fitted model in a folder: all that is needed to generate, and nothing of the records.

::

    MODEL/model.json       what it is, what it promises, how much it gives unless told otherwise
    MODEL/schema.yaml      the schema of what it generates
    MODEL/codec.json       columns to codes and back
    MODEL/engine/          config.json, weights.safetensors
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from domains.base.constraints import Constraint, Derived, Exclusion
from domains.base.registry import domain_named
from domains.pipeline.conditions import Conditions
from domains.pipeline.engines import Engine, engine_class
from domains.pipeline.preparation import one_table
from domains.pipeline.versions import SUITE, suite_version
from shared.codecs.table import TableCodec
from shared.corpus.schema import Schema, Table
from shared.corpus.schema_file import read_schema, write_schema
from shared.engines.encoded import CodeExclusion
from shared.errors import DataError, SimulacraError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

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
    """``model.json``. ``units`` is how many are generated unless told otherwise, declared in a private run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["simulacra-model/1"] = FORMAT
    suite: str = SUITE
    version: str
    source: str
    domain: str
    table: str
    engine: str
    units: int
    promise: PromiseMade | None


@dataclass(frozen=True, eq=False)
class Model:
    """Generates tables. ``schema`` is that of the output; ``constraints`` hold in it."""

    provenance: Provenance
    schema: Schema
    constraints: tuple[Constraint, ...]
    codec: TableCodec
    engine: Engine

    @property
    def table(self) -> Table:
        """The one table that is generated."""
        return self.schema.tables[0]

    @property
    def exclusions(self) -> tuple[CodeExclusion, ...]:
        """What the engine must never draw, in terms of codes."""
        exclusions = list(self.codec.never)
        for constraint in self.constraints:
            if isinstance(constraint, Exclusion):
                exclusions += self.codec.compile_exclusions(constraint.parts, constraint.last_row)
        return tuple(exclusions)

    def sample(
        self, units: int, *, seed: int, reporter: Reporter, conditions: Conditions | None = None
    ) -> Iterator[pd.DataFrame]:
        """Give ``units`` units as frames, batch by batch; memory does not grow with their number.

        Identifiers go on from batch to batch. Derived columns are computed, exclusions are never broken.
        What is given by ``conditions`` is kept; ``ConditionError`` if it cannot be.
        """
        random = numpy_generator(seed, "decode")
        codec, given = (self.codec, None) if conditions is None else (conditions.codec, conditions.given)
        identifier_key = derive(seed, "identifiers")
        first_unit = first_row = 0
        with reporter.stage("sampling", units) as stage:
            for batch in self.engine.sample(
                units, seed=derive(seed, "engine"), given=given, exclusions=self.exclusions
            ):
                frame = codec.decode(
                    batch, random, first_unit=first_unit, first_row=first_row, identifier_key=identifier_key
                )
                if conditions is not None:
                    conditions.written_into(frame, batch.rows_per_unit, first_unit, first_row)
                yield self._complete(frame)
                first_unit, first_row = first_unit + len(batch), first_row + len(batch.rows)
                stage.advance(len(batch))

    def _complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with its derived columns, all columns in the order of the table."""
        for constraint in self.constraints:
            if isinstance(constraint, Derived):
                frame[constraint.column] = constraint.value(frame)
        return frame[list(self.table.names)]

    def save(self, folder: Path) -> None:
        """Write the model into ``folder``, which exists and is empty."""
        content = json.dumps(self.provenance.model_dump(mode="json"), indent=2, sort_keys=True)
        (folder / "model.json").write_text(content + "\n", encoding="utf-8")
        write_schema(self.schema, folder / "schema.yaml")
        codec = json.dumps(self.codec.to_json(), indent=1, allow_nan=False)
        (folder / "codec.json").write_text(codec + "\n", encoding="utf-8")
        (folder / "engine").mkdir()
        self.engine.save(folder / "engine")


def load_model(folder: Path, *, device: str = "cpu") -> Model:
    """The model in a folder; raises ``DataError`` for what is not one, or is damaged."""
    provenance = _provenance(folder)
    schema = one_table(read_schema(folder / "schema.yaml"))
    if schema.tables[0].name != provenance.table:
        raise DataError(
            f"{folder}: model.json is of table {provenance.table!r}, schema.yaml is not; fit the model again"
        )
    try:
        content = json.loads((folder / "codec.json").read_text(encoding="utf-8"))
        codec = TableCodec.from_json(schema.tables[0], content)
    except SimulacraError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{folder / 'codec.json'} is damaged ({type(error).__name__}); fit the model again") from error
    engine = engine_class(provenance.engine).load(folder / "engine", device=device)
    shape = codec.shape
    if (engine.state.names, engine.state.network.sizes) != (
        shape.unit_names + shape.row_names,
        shape.unit_sizes + shape.row_sizes,
    ):
        raise DataError(f"{folder}: the engine does not fit the codec; fit the model again")
    constraints = tuple(domain_named(provenance.domain).constraints(schema))
    return Model(provenance, schema, constraints, codec, engine)


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
    *, source: str, domain: str, table: str, engine: str, units: int, promise: PromiseMade | None
) -> Provenance:
    """Provenance of a model of this version."""
    return Provenance(
        version=suite_version(), source=source, domain=domain, table=table, engine=engine, units=units, promise=promise
    )
