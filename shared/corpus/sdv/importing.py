"""SDV's metadata as a schema.

Read are the specifications ``V1`` (``MULTI_TABLE_V1``, ``SINGLE_TABLE_V1``) and ``V2``, whose columns
may have ranges. SDV writes V2 ranges itself, from the records: unless they are said to be declared,
they are marked under ``learned``.

Specification: SDV's documentation, "Metadata JSON".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.corpus.schema import Column, ForeignKey, Kind, Learnable, Schema, Table
from shared.corpus.sdv.patterns import pattern_of
from shared.corpus.values import bounds
from shared.errors import SchemaError

VERSIONS = ("V1", "MULTI_TABLE_V1", "SINGLE_TABLE_V1", "V2", "SINGLE_TABLE_V2")
SINGLE = "table"
_INTEGERS = re.compile(r"U?Int(8|16|32|64)")
_HOURS = re.compile(r"%[HIMSfpXcT]")
_ZONE = re.compile(r"%[zZ]")
_TABLE_KEYS = ("columns", "primary_key", "sequence_key", "sequence_index", "METADATA_SPEC_VERSION")
_KNOWN = {
    "categorical": ("range_values", "order", "range_is_nullable"),
    "ordinal": ("range_values", "range_is_nullable"),
    "numerical": ("range_min", "range_max", "decimal_places", "computer_representation", "range_is_nullable"),
    "datetime": ("range_min", "range_max", "datetime_format", "range_is_nullable"),
    "id": ("regex_format", "range_is_nullable"),
}
_OTHERS = ("pii", "range_is_nullable")


@dataclass(frozen=True)
class Imported:
    """A schema, and what of the metadata it does not hold or should be looked at, a line each."""

    schema: Schema
    notes: tuple[str, ...]


def schema_of_metadata(content: Any, *, name: str = "corpus", ranges_declared: bool = False) -> Imported:
    """The schema that metadata describe; ``content`` is what JSON gives.

    ``ranges_declared``: people wrote the ranges, bounds and lists of values; SDV did not find them in records.

    Raises ``SchemaError`` for what is no metadata of a known version, or contradicts itself.
    """
    reading = _Reading(ranges_declared)
    whole = _mapping(content, "the metadata")
    version = whole.get("METADATA_SPEC_VERSION")
    if version not in VERSIONS:
        raise SchemaError(
            f"METADATA_SPEC_VERSION is {version!r}; it must be one of {', '.join(VERSIONS)}: let SDV upgrade the file"
        )
    if "tables" not in whole:
        reading.note(f"the metadata name no table; it is called {SINGLE!r}: give it the name of its file")
        whole = {"tables": {SINGLE: whole}}
    for key in sorted(set(whole) - {"tables", "relationships", "METADATA_SPEC_VERSION"}):
        reading.note(f"{key}: not carried, a schema has no place for it")
    tables = [reading.table(table, described) for table, described in _mapping(whole["tables"], "tables").items()]
    related = reading.related(tables, whole.get("relationships") or [])
    return Imported(Schema(name=name, tables=tuple(related)), tuple(reading.notes))


class _Reading:
    """One reading of metadata, which gathers notes."""

    def __init__(self, ranges_declared: bool) -> None:
        self.notes: list[str] = []
        self.ranges_declared = ranges_declared

    def note(self, line: str) -> None:
        self.notes.append(line)

    def table(self, name: str, content: Any) -> Table:
        described = _mapping(content, f"table {name!r}")
        columns = _mapping(described.get("columns") or {}, f"table {name!r}: columns")
        primary, unit = self._key(name, described, "primary_key"), self._key(name, described, "sequence_key")
        for key in sorted(set(described) - set(_TABLE_KEYS)):
            if described[key]:
                self.note(f"{name}: {key} {_listed(described[key])} not carried, a schema has no place for it")
        read = [self.column(name, column, _mapping(given, f"{name}.{column}")) for column, given in columns.items()]
        self._check_key(name, "primary_key", primary, columns)
        self._check_key(name, "sequence_key", unit, columns)
        if unit is not None and unit == primary:
            raise SchemaError(f"table {name!r}: {unit!r} is both primary_key and sequence_key; it can be one of them")
        if unit is not None:
            self.note(
                f"{name}: the sequence_key {unit!r} became the unit of privacy; check that it is whose data it is"
            )
        order = self._order(name, described.get("sequence_index"), columns, unit)
        # No key is missing, by the meaning of the word.
        read = [
            replace(column, nullable=False, learned=()) if column.name in (primary, unit) else column for column in read
        ]
        return Table(name=name, columns=tuple(read), primary_key=primary, unit=unit, order_by=order)

    def _key(self, table: str, described: Mapping[str, Any], role: str) -> str | None:
        key = described.get(role)
        if isinstance(key, list) and len(key) == 1:
            key = key[0]
        if isinstance(key, list):
            self.note(
                f"{table}: {role} of several columns ({', '.join(map(str, key))}) not carried; a key is one column"
            )
            return None
        if key is not None and not isinstance(key, str):
            raise SchemaError(f"table {table!r}: {role} is {key!r}; it must be the name of a column")
        return key or None

    def _check_key(self, table: str, role: str, key: str | None, columns: Mapping[str, Any]) -> None:
        if key is None:
            return
        if key not in columns:
            raise SchemaError(f"table {table!r}: {role} {key!r} is not one of its columns: {', '.join(columns)}")
        if columns[key].get("sdtype") in ("numerical", "datetime", "categorical", "ordinal", "boolean"):
            raise SchemaError(
                f"table {table!r}: {role} {key!r} is of sdtype {columns[key]['sdtype']!r}; a key must be of sdtype 'id'"
            )

    def _order(self, table: str, index: Any, columns: Mapping[str, Any], unit: str | None) -> str | None:
        if not index:
            return None
        if index not in columns or index == unit:
            raise SchemaError(
                f"table {table!r}: sequence_index {index!r} must be one of its columns other than the sequence_key"
            )
        if columns[index].get("sdtype") not in ("datetime", "numerical"):
            raise SchemaError(
                f"table {table!r}: sequence_index {index!r} is of sdtype {columns[index].get('sdtype')!r}; "
                "it must be datetime or numerical"
            )
        if unit is None:
            raise SchemaError(
                f"table {table!r}: sequence_index {index!r} without a sequence_key; name whose rows they are"
            )
        return str(index)

    def column(self, table: str, name: str, described: Mapping[str, Any]) -> Column:
        """A column; raises ``SchemaError`` for one without an sdtype."""
        sdtype = described.get("sdtype")
        if not isinstance(sdtype, str):
            raise SchemaError(f"column {f'{table}.{name}'!r} has sdtype {sdtype!r}; give one, such as categorical")
        where = f"{table}.{name}"
        known = ("sdtype", *_KNOWN.get(sdtype, _OTHERS))
        lost = [key for key in described if key not in known and described[key] not in (None, False)]
        if lost:
            self.note(f"{where}: {', '.join(lost)} not carried, a schema has no place for it")
        make = {
            "categorical": self._categorical,
            "ordinal": self._categorical,
            "numerical": self._numerical,
            "datetime": self._datetime,
            "boolean": self._boolean,
            "id": self._identifier,
        }.get(sdtype, self._other)
        try:
            column = self._nullable(make(name, where, described), described)
            bounds(column)
        except SchemaError as error:
            raise SchemaError(f"table {table!r}: {error}") from error
        return column

    def _marked(self, column: Column, *attributes: Learnable) -> Column:
        """The column, with what may have been detected in records marked."""
        return column if self.ranges_declared else replace(column, learned=(*column.learned, *attributes))

    def _nullable(self, column: Column, described: Mapping[str, Any]) -> Column:
        given = described.get("range_is_nullable")
        if given not in (None, True, False):
            raise SchemaError(f"column {column.name!r}: range_is_nullable is {given!r}; use true or false")
        return self._marked(replace(column, nullable=False), "nullable") if given is False else column

    def _boolean(self, name: str, where: str, described: Mapping[str, Any]) -> Column:
        del where, described
        return Column(name=name, kind="boolean")

    def _categorical(self, name: str, where: str, described: Mapping[str, Any]) -> Column:
        if described["sdtype"] == "ordinal":
            self.note(f"{where}: that its values are ordered (sdtype ordinal) is not carried; it became categorical")
        detected = "range_values" in described
        values = described["range_values"] if detected else described.get("order")
        column = Column(name=name, kind="categorical")
        if values is None:
            return column
        if not isinstance(values, list) or not values or any(value is None for value in values):
            raise SchemaError(
                f"column {where!r}: its list of values is {values!r}; give one or more values, none of null"
            )
        if all(isinstance(value, bool) for value in values):
            return Column(name=name, kind="boolean")
        integers = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
        column = replace(column, categories=tuple(map(str, values)), stored="integer" if integers else "text")
        return self._marked(column, "categories") if detected else column

    def _numerical(self, name: str, where: str, described: Mapping[str, Any]) -> Column:
        represented = str(described.get("computer_representation") or "")
        places = described.get("decimal_places")
        if places is not None and (not isinstance(places, int) or isinstance(places, bool) or not 0 <= places < 20):
            raise SchemaError(f"column {where!r}: decimal_places is {places!r}; give a whole number from 0")
        column = Column(name=name, kind="real")
        if _INTEGERS.fullmatch(represented):
            if places:
                raise SchemaError(f"column {where!r}: {represented} has no decimal_places, but {places} are given")
            column = Column(name=name, kind="integer")
        elif represented not in ("", "Float"):
            raise SchemaError(
                f"column {where!r}: computer_representation is {represented!r}; use Float, Int8, Int16, Int32, Int64 "
                "or an unsigned one, such as UInt8"
            )
        elif places == 0:
            column = self._marked(Column(name=name, kind="integer"), "kind")
        elif places is not None:
            column = self._marked(replace(column, step=float(f"1e-{places}")), "step")
        elif not represented:
            self.note(f"{where}: taken for real, since nothing says that it holds whole numbers only; or write integer")
        return self._ranged(where, column, described)

    def _datetime(self, name: str, where: str, described: Mapping[str, Any]) -> Column:
        format = described.get("datetime_format")
        if format is not None and not isinstance(format, str):
            raise SchemaError(f"column {where!r}: datetime_format is {format!r}; give text such as '%Y-%m-%d'")
        if format is not None and _ZONE.search(format):
            self.note(f"{where}: datetime_format {format!r} reads a time zone, which no kind keeps; not carried")
            format = None
        if format is None:
            kind: Kind = "datetime"
        else:
            _check_format(where, format)
            kind = "datetime" if _HOURS.search(format) else "date"
        column = Column(name=name, kind=kind, datetime_format=None if format == "%Y-%m-%d" else format)
        return self._ranged(where, column, described)

    def _ranged(self, where: str, column: Column, described: Mapping[str, Any]) -> Column:
        """The column with its range."""
        ends: tuple[tuple[Learnable, str], ...] = (("low", "range_min"), ("high", "range_max"))
        for attribute, key in ends:
            given = described.get(key)
            if given is None:
                continue
            value = (
                _number(where, key, given) if column.kind in ("integer", "real") else _time(where, key, given, column)
            )
            column = self._marked(replace(column, **{attribute: value}), attribute)  # type: ignore[arg-type]
        return column

    def _identifier(self, name: str, where: str, described: Mapping[str, Any]) -> Column:
        regex = described.get("regex_format")
        if not regex:
            return Column(name=name, kind="identifier")
        try:
            re.compile(regex)
        except (re.error, TypeError) as error:
            raise SchemaError(f"column {where!r}: regex_format {regex!r} is no regular expression ({error})") from error
        pattern = pattern_of(regex)
        if pattern is None:
            self.note(f"{where}: regex_format {regex!r} is more than a pattern can say; not carried: declare a pattern")
        return Column(name=name, kind="identifier", pattern=pattern)

    def _other(self, name: str, where: str, described: Mapping[str, Any]) -> Column:
        """Types of personal data and ``unknown``: SDV makes them up unless ``pii`` is false."""
        pii = described.get("pii", True)
        if pii not in (True, False):
            raise SchemaError(f"column {where!r}: pii is {pii!r}; use true or false")
        kind: Kind = "identifier" if pii else "categorical"
        made = "made up in the shape of its pattern" if pii else "modelled as it is"
        self.note(f"{where}: sdtype {described['sdtype']!r} became {kind}, {made}")
        return Column(name=name, kind=kind)

    def related(self, tables: list[Table], relationships: Any) -> list[Table]:
        """The tables with their foreign keys."""
        if not isinstance(relationships, list):
            raise SchemaError("relationships must be a list")
        by_name = {table.name: table for table in tables}
        for place, given in enumerate(relationships):
            relation = _mapping(given, f"relationships.{place}")
            parent, child = (_named(by_name, relation, f"{end}_table_name", place) for end in ("parent", "child"))
            key, column = (_single(relation.get(end)) for end in ("parent_primary_key", "child_foreign_key"))
            if not isinstance(key, str) or not isinstance(column, str):
                self.note(
                    f"relationships.{place}: a key of several columns ({parent.name} to {child.name}) not carried"
                )
                continue
            if key != parent.primary_key:
                raise SchemaError(
                    f"relationships.{place}: parent_primary_key is {key!r}, but the primary_key of {parent.name!r} is "
                    f"{parent.primary_key!r}"
                )
            by_name[child.name] = _pointing(child, column, parent, place)
        return [by_name[table.name] for table in tables]


def _pointing(child: Table, column: str, parent: Table, place: int) -> Table:
    if column not in child.names:
        raise SchemaError(
            f"relationships.{place}: child_foreign_key {column!r} is not a column of {child.name!r}: "
            f"{', '.join(child.names)}"
        )
    key, own = parent.column(parent.primary_key or ""), child.column(column)
    if own.kind != key.kind:
        raise SchemaError(
            f"relationships.{place}: {child.name}.{column} is {own.kind}, but {parent.name}.{key.name}, "
            f"which it holds, is {key.kind}; give both one sdtype"
        )
    if any(other.column == column and other.table != parent.name for other in child.foreign_keys):
        raise SchemaError(f"relationships.{place}: {child.name}.{column} points to two tables; it can point to one")
    # What points to a key has its shape.
    columns = tuple(replace(one, pattern=one.pattern or key.pattern) if one is own else one for one in child.columns)
    keys = dict.fromkeys((*child.foreign_keys, ForeignKey(column=column, table=parent.name)))
    return replace(child, columns=columns, foreign_keys=tuple(keys))


def _named(tables: Mapping[str, Table], relation: Mapping[str, Any], key: str, place: int) -> Table:
    name = relation.get(key)
    if name not in tables:
        raise SchemaError(f"relationships.{place}: {key} is {name!r}; it must be a table: {', '.join(tables)}")
    return tables[str(name)]


def _single(key: Any) -> Any:
    return key[0] if isinstance(key, list) and len(key) == 1 else key


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SchemaError(f"{what} must be an object of keys and values, but is {str(value)[:40]!r}")
    return value


def _listed(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    return "(" + ", ".join(" ".join(str(part).split()) for part in parts) + ")"


def _check_format(where: str, format: str) -> None:
    now = datetime(2020, 2, 29, 13, 14, 15)
    try:
        datetime.strptime(now.strftime(format), format)
    except ValueError as error:
        raise SchemaError(f"column {where!r}: datetime_format {format!r} is no format of times ({error})") from error


def _number(where: str, key: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise SchemaError(f"column {where!r}: {key} is {given!r}; give a number")
    return float(given)


def _time(where: str, key: str, given: Any, column: Column) -> str:
    """A bound of times in ISO 8601."""
    try:
        format = column.datetime_format or ("%Y-%m-%d" if column.kind == "date" else None)
        stamp = datetime.strptime(given, format) if format else datetime.fromisoformat(given)
    except (ValueError, TypeError) as error:
        raise SchemaError(f"column {where!r}: {key} {given!r} is not written in its datetime_format") from error
    return stamp.date().isoformat() if column.kind == "date" else stamp.isoformat()
