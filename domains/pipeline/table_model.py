"""A fitted model of one table: rows drawn by themselves, or below rows that are given."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.constraints import Constraint, Derived, Exclusion
from domains.pipeline.engines import sequence_engine
from domains.pipeline.texts import TextModel
from shared.codecs.table import TableCodec, code_names
from shared.corpus.corpus import DTYPES
from shared.corpus.joining import groups_of, histories_of
from shared.corpus.relations import View, number_of
from shared.corpus.schema import Table
from shared.corpus.units import UnitFrame
from shared.engines.contract import Engine, HasDensity
from shared.engines.encoded import AnyCodes, CodeExclusion, Given, Histories
from shared.randomness import derive
from shared.training.reporter import Reporter


@dataclass(frozen=True, eq=False)
class DrawnRows:
    """Rows of a table that were drawn: as the view has them, and as codes of all that is given to the rows below."""

    frame: pd.DataFrame
    codes: AnyCodes

    def take(self, rows: NDArray[np.int64]) -> DrawnRows:
        """Some of the rows."""
        return DrawnRows(self.frame.iloc[rows].reset_index(drop=True), self.codes[rows])


@dataclass(frozen=True, eq=False)
class TableModel:
    """Generates the rows of one table. ``codec`` is that of the view's history; ``constraints`` hold in it.

    ``texts`` write its text columns, given the row's other ones.
    """

    view: View
    constraints: tuple[Constraint, ...]
    codec: TableCodec
    engine: Engine
    texts: tuple[TextModel, ...] = ()

    @property
    def name(self) -> str:
        return self.view.source.name

    @property
    def table(self) -> Table:
        """The table with its rows by unit."""
        return self.view.table

    @property
    def exclusions(self) -> tuple[CodeExclusion, ...]:
        """What the engine must never draw, in terms of codes."""
        exclusions = list(self.codec.never)
        for constraint in self.constraints:
            if isinstance(constraint, Exclusion):
                exclusions += self.codec.compile_exclusions(constraint.parts, constraint.last_row)
        return tuple(exclusions)

    def below(
        self,
        above: DrawnRows,
        random: np.random.Generator,
        *,
        seed: int,
        first_row: int,
        identifier_key: int,
        reporter: Reporter,
    ) -> DrawnRows:
        """The rows below each of the rows above, in their order; ``first_row`` were drawn before."""
        view = self.view
        assert view.parent is not None
        numbers = above.frame[number_of(self.name)].to_numpy(dtype=np.int64)
        numbers = np.minimum(numbers, sequence_engine(self.engine).state.network.most_rows)
        parents = above.take(np.flatnonzero(numbers))
        given = Given(units=parents.codes, rows_per_unit=numbers[numbers > 0])
        drawn = self.engine.sample(
            len(parents.codes), seed=derive(seed, self.name), given=given, exclusions=self.exclusions
        )
        batches = list(drawn)
        names = {**view.given, **{view.keys[table]: column for table, column in view.above_keys.items()}}
        units = pd.DataFrame({label: parents.frame[name] for label, name in names.items()})
        for label in view.keys.values():
            units[label] = units[label].astype("str")
        if not batches:
            empty = {column.name: pd.Series(dtype=DTYPES[column.kind]) for column in view.history.columns}
            return DrawnRows(pd.DataFrame(empty), np.zeros((0, len(self.codec.shape.names)), dtype=np.int32))
        histories = Histories.joined(batches)
        frame = self.codec.decode(
            histories, random, first_unit=0, first_row=first_row, identifier_key=identifier_key, units=units
        )
        return self.drawn(frame, histories, seed=derive(seed, self.name, "texts"), reporter=reporter)

    def drawn(self, frame: pd.DataFrame, histories: Histories, *, seed: int, reporter: Reporter) -> DrawnRows:
        """Decoded rows with their texts and derived columns, all columns in the order of the view."""
        for text in self.texts:
            frame[text.column] = text.written(frame, self.codec, seed=derive(seed, text.column), reporter=reporter)
        for constraint in self.constraints:
            if isinstance(constraint, Derived):
                frame[constraint.column] = constraint.value(frame)
        frame = frame[list(self.view.history.names)]
        unit_of_row = np.repeat(np.arange(len(histories)), histories.rows_per_unit)
        codes = np.concatenate([histories.units.codes[unit_of_row], histories.rows.codes], axis=1)
        order = self.view.history.order_by
        if self.view.parent is not None and order is not None and order in self.codec.codecs:
            # Decoding put these values into their order: the rows below are to be given what stands there now.
            own = self.codec.codecs[order]
            places = [self.codec.shape.names.index(name) for name in code_names(own)]
            codes[:, places] = own.encode(frame[order])
        return DrawnRows(frame, codes)

    def written(self, drawn: DrawnRows) -> pd.DataFrame:
        """The rows as the table of the schema has them, foreign keys and all."""
        labels = {column: self.view.keys[table] for table, column in self.view.references.items()}
        columns = {}
        for column in self.view.source.columns:
            values = drawn.frame[labels.get(column.name, column.name)]
            columns[column.name] = values.astype(DTYPES[column.kind]) if column.name in labels else values
        return pd.DataFrame(columns)

    @property
    def has_density(self) -> bool:
        """Whether the engine can tell how probable a unit is."""
        return isinstance(self.engine, HasDensity)

    def log_density(self, units: UnitFrame) -> NDArray[np.float64]:
        """Natural log of the probability of each unit's rows, given the rows above them; shape ``(units,)``."""
        histories = histories_of(self.view, units)
        encoded = self.codec.encode(histories)
        if self.view.parent is not None:
            encoded = replace(encoded, groups=groups_of(units, histories))
        assert isinstance(self.engine, HasDensity)
        return self.engine.log_density(encoded)
