"""What is given of the units that a model generates: conditions (``--where``) and values (``--given``).

A condition on a column of the unit holds for the unit; one on a column of rows holds for every row of the unit.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from domains.base.constraints import Constraint, Derived
from domains.pipeline.where import Clause, Operator
from shared.codecs.choices import Choice, Chosen, categories_of, chosen, missing_code, number_range
from shared.codecs.contract import Codec
from shared.codecs.number import NumberCodec
from shared.codecs.table import TableCodec
from shared.corpus.checks import Place, listed, shown
from shared.corpus.parsing import parse_column
from shared.corpus.schema import Column, Table
from shared.corpus.values import to_numbers
from shared.engines.encoded import Allowed, CodeExclusion, Given
from shared.errors import ConfigurationError, DataError

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Told:
    """What is told of one column: in the user's words, and as allowed codes of its code columns."""

    words: str
    columns: Mapping[str, Allowed]
    never: tuple[CodeExclusion, ...] = ()


@dataclass(frozen=True, eq=False)
class Conditions:
    """What is given of the units of one ``sample`` call.

    ``told``: of each column that is named. ``codec`` decodes to allowed values alone. ``repeated``: values of columns
    that are written out as they were given, one a unit or, where ``rows_per_unit`` is given, one a row; ``written``
    says for each of them where. ``source`` is the file that they come from.
    """

    told: Mapping[str, Told]
    codec: TableCodec
    rows_per_unit: NDArray[np.int64] | None = None
    repeated: Mapping[str, pd.Series] = field(default_factory=dict)
    written: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    by_row: bool = False
    source: str = "--where"

    def place_of(self, unit: int) -> int:
        """Where the given values of a unit stand: the first of its rows, or the unit itself."""
        return int(self.rows_per_unit[:unit].sum()) if self.by_row and self.rows_per_unit is not None else unit

    def in_words(self, names: Sequence[str], place: int) -> str:
        """What is told of some columns: as it was written, or with the values at a place."""
        words = []
        for name in names:
            known = name in self.repeated and self.written[name][place]
            words.append(f"{name} = {self.repeated[name].iloc[place]}" if known else self.told[name].words)
        return " and ".join(words)

    def named(self, place: int) -> str:
        """The unit that the given values at a place belong to, for messages."""
        unit = self.codec.table.unit
        if not self.repeated:
            return self.source
        if self.by_row and unit is not None:
            return f"{self.source}: {unit} {self.repeated[unit].iloc[place]}"
        return f"{self.source}: row {place + 1}"

    def together(self, other: Conditions) -> Conditions:
        """These, which hold for all units, and the other ones. ``ConfigurationError`` for a column in both."""
        both = sorted(set(self.told) & set(other.told))
        if both:
            raise ConfigurationError(f"column {both[0]!r} is given by --where and by {other.source}; give it once")
        return dataclasses.replace(other, told={**self.told, **other.told}, codec=self.codec)

    @property
    def given(self) -> Given:
        """For the engine."""
        columns = {name: allowed for told in self.told.values() for name, allowed in told.columns.items()}
        never = tuple(exclusion for told in self.told.values() for exclusion in told.never)
        return Given(columns, self.rows_per_unit, never)

    def written_into(self, frame: pd.DataFrame, lengths: NDArray[np.int64], first_unit: int, first_row: int) -> None:
        """Put the given values into a batch of units with so many rows each."""
        places = first_unit + np.repeat(np.arange(len(lengths)), lengths)
        if self.by_row:
            places = first_row + np.arange(len(frame))
        for name, values in self.repeated.items():
            chosen_ = self.written[name][places]
            frame[name] = frame[name].mask(chosen_, values.take(places).set_axis(frame.index))


def conditions_where(clauses: Sequence[Clause], codec: TableCodec, constraints: Sequence[Constraint]) -> Conditions:
    """Conditions that hold for all units. Raises ``ConfigurationError`` for what no unit of the model can fulfil."""
    told, codecs = dict[str, Told](), dict(codec.codecs)
    for name in dict.fromkeys(clause.column for clause in clauses):
        check_modelled(name, codec, constraints)
        own = [clause for clause in clauses if clause.column == name]
        words = " and ".join(clause.text for clause in own)
        part = chosen(codec.codecs[name], _choice(own, codec.table, codec.codecs[name]))
        if not part.possible:
            raise ConfigurationError(
                f"--where {words}: the model gives {name!r} no such value; it gives {described(codec.codecs[name])}"
            )
        told[name] = _told(words, part)
        codecs[name] = part.codec
    return Conditions(told, dataclasses.replace(codec, codecs=codecs))


def _told(words: str, part: Chosen) -> Told:
    return Told(words, part.columns, part.never)


def check_modelled(name: str, codec: TableCodec, constraints: Sequence[Constraint]) -> None:
    """Raise ``ConfigurationError``, which says what to do instead, for a column that the model does not draw."""
    if name in codec.codecs:
        return
    for constraint in constraints:
        if isinstance(constraint, Derived) and constraint.column == name:
            raise ConfigurationError(
                f"column {name!r} is computed from {listed(constraint.inputs)}; give conditions on those instead"
            )
    raise ConfigurationError(
        f"column {name!r} is made up and not modelled (a key or identifier), so that nothing can follow from it; "
        f"conditions can be on {', '.join(codec.codecs)}"
    )


def described(codec: Codec) -> str:
    """What a codec can decode to, in words."""
    if isinstance(codec, NumberCodec):
        ends = number_range(codec)
        step = "" if codec.step is None else f" in steps of {codec.step:g}"
        words = "no number" if ends is None else " to ".join(shown_number(end, codec.column) for end in ends) + step
    else:
        words = listed(list(categories_of(codec) or ())) or "no value"
    return words + (" or missing" if missing_code(codec) is not None else ", never missing")


def shown_number(number: float, column: Column) -> str:
    """A number as a user knows it: dates as dates."""
    if column.kind in ("date", "datetime"):
        seconds = number * (86_400 if column.kind == "date" else 1)
        stamp = pd.Timestamp(seconds, unit="s")
        return str(stamp.date()) if column.kind == "date" else stamp.isoformat()
    return f"{number:.10g}"


def _choice(clauses: Sequence[Clause], table: Table, codec: Codec) -> Choice:
    """The values that fulfil all the clauses on one column."""
    missing = all(clause.operator == "is missing" for clause in clauses)
    present = [clause for clause in clauses if clause.operator != "is not missing"]
    if any(clause.operator == "is missing" for clause in present):
        return Choice(missing=missing)
    if isinstance(codec, NumberCodec):
        ranges: tuple[tuple[float, float], ...] = ((-np.inf, np.inf),)
        for clause in present:
            numbers = [_number(value, table, codec, clause) for value in clause.values]
            ranges = _common(ranges, _ranges(clause.operator, numbers, codec.step))
        return Choice(ranges=ranges)
    known = categories_of(codec) or ()
    values = frozenset(known)
    for clause in present:
        if clause.operator not in ("=", "!=", "in", "not in"):
            raise ConfigurationError(
                f"--where {clause.text}: {clause.column!r} is {codec.column.kind}, which has no order; "
                "use =, !=, in {A, B} or not in {A, B}"
            )
        named = frozenset(_category(value, known, table, codec, clause) for value in clause.values)
        values = values & named if clause.operator in ("=", "in") else values - named
    return Choice(values=values)


def _category(value: str, known: Sequence[str], table: Table, codec: Codec, clause: Clause) -> str:
    column = dataclasses.replace(codec.column, categories=None) if codec.column.kind == "categorical" else codec.column
    parsed = _parsed(value, table, column, clause)
    text = str(parsed).lower() if column.kind == "boolean" else dict(column.spellings).get(str(parsed), str(parsed))
    if text not in known:
        near = difflib.get_close_matches(text, known, n=1)
        hint = f"did you mean {near[0]!r}? It" if near else "it"
        raise ConfigurationError(
            f"--where {clause.text}: the model gives {clause.column!r} no value {shown(text)}; {hint} gives "
            f"{described(codec)}"
        )
    return text


def _number(value: str, table: Table, codec: NumberCodec, clause: Clause) -> float:
    # "age < 200" is a fair condition, whatever the bounds, and so is "children < 2.5".
    kind = "real" if codec.column.kind == "integer" else codec.column.kind
    column = Column(name=codec.column.name, kind=kind, datetime_format=codec.column.datetime_format)
    parsed = _parsed(value, table, column, clause)
    return float(to_numbers(pd.Series([parsed]), column)[0])


def _parsed(value: str, table: Table, column: Column, clause: Clause) -> object:
    """A value as the files of the table would give it."""
    place = Place("--where")
    try:
        parsed = parse_column(pa.array([value]), table, column, place, strip=True)
    except DataError as error:
        reason = str(error).split(f"column {column.name!r}: ", 1)[-1].split(";")[0]
        raise ConfigurationError(f"--where {clause.text}: {reason}") from error
    if parsed.isna().iloc[0]:
        raise ConfigurationError(
            f"--where {clause.text}: {value!r} means missing here; write '{clause.column} is missing'"
        )
    return parsed.iloc[0]


def _ranges(operator: Operator, numbers: Sequence[float], step: float | None) -> tuple[tuple[float, float], ...]:
    """The numbers that stand so to the given ones; ends belong to a range, so "less than" ends a little below."""
    points = sorted(set(numbers))
    if operator in ("=", "in"):
        return tuple((number, number) for number in points)
    below = [float(np.nextafter(x, -np.inf)) if step is None else x - 1e-6 * step for x in points]
    above = [float(np.nextafter(x, np.inf)) if step is None else x + 1e-6 * step for x in points]
    one_sided = {
        "<": (-np.inf, below[0]),
        "<=": (-np.inf, points[0]),
        ">": (above[-1], np.inf),
        ">=": (points[0], np.inf),
    }
    if operator in one_sided:
        return (one_sided[operator],)
    return tuple(zip([-np.inf, *above], [*below, np.inf], strict=True))


def _common(
    one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """The ranges that lie in both."""
    both = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return tuple((low, high) for low, high in both if low <= high)
