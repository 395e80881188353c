"""The schema: what is declared about a corpus, and therefore public.

A schema is written by people (or drafted by :mod:`shared.corpus.inference`, which marks under
``learned`` each value that it took from records). What stands here and is not marked costs no
privacy budget.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal

from shared.errors import SchemaError

Kind = Literal["categorical", "integer", "real", "datetime", "date", "boolean", "identifier", "text"]
NUMERIC: tuple[Kind, ...] = ("integer", "real", "datetime", "date")
SPELLED: tuple[Kind, ...] = ("categorical", "identifier", "text")  # values are text as it stands
UNCODED: tuple[Kind, ...] = ("identifier", "text")  # no codes: made up, or written by a language engine
# pydantic, which reads schemas from files, takes this from each class: unknown keys are errors.
_STRICT: Mapping[str, Any] = {"extra": "forbid"}
Learnable = Literal["categories", "low", "high", "step", "pattern", "nullable", "kind", "datetime_format"]


@dataclass(frozen=True, kw_only=True)
class OnlyWhere:
    """In which rows a column says something: where ``column`` has one of ``values``, or, without a column, in the first
    row of each unit (``first_row``) or in all others. Elsewhere its value is missing; ``required``: there it never is.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = _STRICT

    column: str | None = None
    values: tuple[str, ...] = ()
    first_row: bool = False
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Child tables of one parent whose rows are learned as one sequence of events, in the order of their times.

    Each of ``tables`` names its time with ``order_by``: a date, a datetime or an integer. ``name`` is that of the table
    of events, under which its engine and its cap are configured.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = _STRICT

    name: str
    tables: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    ``low`` and ``high`` are inclusive bounds; for dates and times they are ISO 8601 strings.
    ``step`` is the resolution of a number (1 for integers, 0.01 for cents); of a date it is days,
    of a datetime seconds. ``edges`` declares a grid for statistics (ascending, from ``low`` to
    ``high``), ``atoms`` single values that carry weight of their own, such as 0 or 99999.
    ``missing`` lists spellings that mean "no value" in this column; ``None`` takes the table's.
    ``spellings`` are other ways in which files write a category, as pairs ``(spelling, category)``:
    a reader turns them into the category, a writer never uses them.
    ``of_unit`` marks what is the same in all rows of a unit. ``pattern`` is the shape of an
    identifier: ``9`` a digit, ``A`` an upper-case letter, ``a`` a lower-case one, ``X`` either or
    a digit, ``\\`` before a character takes it as it is, and all else stands for itself.
    ``coding`` names the coding system of the values in lower case, such as ``icd-9-cm`` or ``icd-10-cm``.
    ``stored`` says how categories and identifiers lie in Parquet and JSON Lines files, which have types.
    A column of kind ``text`` holds what people wrote, and a language engine writes it given the row's other columns.
    ``learned`` names the attributes that were read off records and not declared.
    ``only_where`` says that the column says something in some rows only, those of one kind of event for instance.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = _STRICT

    name: str
    kind: Kind
    nullable: bool = True
    categories: tuple[str, ...] | None = None
    low: float | str | None = None
    high: float | str | None = None
    step: float | None = None
    edges: tuple[float, ...] | None = None
    atoms: tuple[float, ...] = ()
    missing: tuple[str, ...] | None = None
    spellings: tuple[tuple[str, str], ...] = ()
    of_unit: bool = False
    pattern: str | None = None
    datetime_format: str | None = None
    physical_unit: str | None = None
    coding: str | None = None
    stored: Literal["text", "integer"] = "text"
    description: str = ""
    learned: tuple[Learnable, ...] = ()
    only_where: OnlyWhere | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise SchemaError("a column has an empty name; give every column a name")
        self._check_kind()
        self._check_categories()
        self._check_numbers()

    def _check_kind(self) -> None:
        """Attributes that belong to other kinds are refused."""
        owners: dict[str, tuple[Kind, ...]] = {
            **dict.fromkeys(("low", "high", "step", "edges", "atoms"), NUMERIC),
            "categories": ("categorical",),
            "spellings": ("categorical",),
            "pattern": ("identifier",),
            "datetime_format": ("datetime", "date"),
        }
        for attribute, kinds in owners.items():
            if getattr(self, attribute) not in (None, ()) and self.kind not in kinds:
                raise SchemaError(f"column {self.name!r}: {attribute} is for {', '.join(kinds)}, not for {self.kind}")
        if self.kind == "text" and self.of_unit:
            raise SchemaError(f"column {self.name!r}: text hangs on rows; leave of_unit out")
        if self.stored != "text" and self.kind not in ("categorical", "identifier"):
            raise SchemaError(f"column {self.name!r}: stored is for categorical, identifier, not for {self.kind}")
        if self.datetime_format is not None and "%z" in self.datetime_format.lower():
            raise SchemaError(
                f"column {self.name!r}: datetime_format {self.datetime_format!r} reads a time zone, which no kind "
                "keeps; write all times in one zone and leave %z out"
            )

    def _check_categories(self) -> None:
        if self.categories is not None and len(set(self.categories)) != len(self.categories):
            raise SchemaError(f"column {self.name!r}: a category is listed twice")
        if self.categories == ():
            raise SchemaError(f"column {self.name!r}: the list of categories is empty; leave it out or fill it")
        for spelling, category in self.spellings:
            if spelling in (self.categories or ()):
                raise SchemaError(f"column {self.name!r}: {spelling!r} is both a category and another spelling of one")
            if self.categories is not None and category not in self.categories:
                raise SchemaError(
                    f"column {self.name!r}: {spelling!r} is a spelling of {category!r}, which is no category"
                )

    def _check_numbers(self) -> None:
        if self.step is not None and self.step <= 0:
            raise SchemaError(f"column {self.name!r}: step {self.step} is not positive")
        numbers = [self.low, self.high, self.step, *self.atoms, *(self.edges or ())]
        if not all(math.isfinite(number) for number in numbers if isinstance(number, int | float)):
            raise SchemaError(f"column {self.name!r}: bounds, step, edges and atoms must be finite numbers")
        edges = self.edges or (0.0, 1.0)
        if len(edges) < 2 or any(b <= a for a, b in pairwise(edges)):
            raise SchemaError(f"column {self.name!r}: edges must be two or more ascending numbers")
        for key, bound in (("low", self.low), ("high", self.high)):
            if self.edges is not None and isinstance(bound, int | float) and not edges[0] <= bound <= edges[-1]:
                raise SchemaError(
                    f"column {self.name!r}: {key} {bound:g} lies outside edges {edges[0]:g} to {edges[-1]:g}"
                )
        # ISO dates compare as text in the order of time.
        for kind in (str, (int, float)):
            if isinstance(self.low, kind) and isinstance(self.high, kind) and self.low > self.high:  # type: ignore[operator]
                raise SchemaError(f"column {self.name!r}: low {self.low} is above high {self.high}")


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a table lies on disk, so that what is generated can lie there in the same way."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = _STRICT

    kind: Literal["csv", "parquet", "jsonl"] = "csv"
    delimiter: str = ","
    header: bool = True
    encoding: str = "utf-8"
    compression: Literal["gz", "zst"] | None = None
    strip: bool = False  # blanks around values are no part of them

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '"\r\n':
            raise SchemaError(f"format: delimiter {self.delimiter!r} is not one ASCII character, such as ',' or ';'")
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise SchemaError(
                f"format: encoding {self.encoding!r} is not known; use a name such as utf-8 or latin-1"
            ) from error


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """``column`` holds values of the primary key of ``table``."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = _STRICT

    column: str
    table: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: its columns in order, its keys, and whose rows they are.

    ``unit`` names the column that identifies the unit of privacy; ``None`` means that every row
    is a unit of its own. ``order_by`` gives the order of a unit's rows.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = _STRICT

    name: str
    columns: tuple[Column, ...]
    primary_key: str | None = None
    unit: str | None = None
    order_by: str | None = None
    foreign_keys: tuple[ForeignKey, ...] = ()
    missing: tuple[str, ...] = ("",)
    format: Format = field(default_factory=Format)
    description: str = ""

    def __post_init__(self) -> None:
        # The name of a table is the name of its file.
        if not self.name or self.name.startswith(".") or set(self.name) & set("/\\\0"):
            raise SchemaError(
                f"a table has the name {self.name!r}; it must not be empty, hold a slash or begin with '.'"
            )
        names = [column.name for column in self.columns]
        if not names:
            raise SchemaError(f"table {self.name!r} has no columns; list them under 'columns'")
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(f"table {self.name!r}: column {name!r} stands twice")
        self._check_roles(names)
        for column in self.columns:
            both = set(column.categories or ()) & set(self.missing_of(column))
            if both:
                raise SchemaError(
                    f"table {self.name!r}, column {column.name!r}: {min(both)!r} is a category and also means "
                    "'missing'; take it out of one of the two lists"
                )

    def _check_roles(self, names: list[str]) -> None:
        for role in ("primary_key", "unit", "order_by"):
            named = getattr(self, role)
            if named is not None and named not in names:
                raise SchemaError(
                    f"table {self.name!r}: {role} {named!r} is not one of its columns: {', '.join(names)}"
                )
        for key in self.foreign_keys:
            if key.column not in names:
                raise SchemaError(f"table {self.name!r}: foreign key column {key.column!r} is not one of its columns")
        if self.unit is None and any(column.of_unit for column in self.columns):
            raise SchemaError(f"table {self.name!r}: a column is marked of_unit, but no unit column is named")

    def column(self, name: str) -> Column:
        """The column of that name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(f"table {self.name!r} has no column {name!r}; it has {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def missing_of(self, column: Column) -> tuple[str, ...]:
        """The spellings of a missing value in ``column``."""
        return self.missing if column.missing is None else column.missing


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The tables of a corpus.

    ``cleaning`` says what became of the records before they came here: ``declared`` rules changed each unit's rows
    by themselves, ``learned`` ones let records of one unit change those of another, which no privacy promise covers.
    ``timelines`` are tables that are learned as one (:mod:`shared.corpus.timeline`).
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = _STRICT

    tables: tuple[Table, ...]
    name: str = "corpus"
    description: str = ""
    licence: str = ""
    cleaning: Literal["none", "declared", "learned"] = "none"
    timelines: tuple[Timeline, ...] = ()

    def __post_init__(self) -> None:
        names = [table.name for table in self.tables]
        if not names:
            raise SchemaError("the schema has no tables; list at least one under 'tables'")
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(f"table {name!r} stands twice in the schema")
        for table in self.tables:
            for key in table.foreign_keys:
                if key.table not in names:
                    raise SchemaError(f"table {table.name!r}: foreign key to {key.table!r}, which is not in the schema")
                if self.table(key.table).primary_key is None:
                    raise SchemaError(
                        f"table {table.name!r}: foreign key to {key.table!r}, which declares no primary_key"
                    )

    def table(self, name: str) -> Table:
        """The table of that name."""
        for table in self.tables:
            if table.name == name:
                return table
        raise SchemaError(f"the schema has no table {name!r}; it has {', '.join(t.name for t in self.tables)}")
