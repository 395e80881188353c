"""A schema as SDV's metadata.

``V1`` is what every version of SDV reads. ``V2``, of SDV 2, has room for bounds, categories,
decimals and whether values may be missing. SDV's metadata have no mark for what was read off records:
such values are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from shared.corpus.schema import Column, Schema, Table
from shared.corpus.sdv.patterns import regex_of

Spec = Literal["V1", "V2"]
_NEVER = ("spellings", "atoms", "edges", "missing", "of_unit", "physical_unit", "coding", "description")
_IN_RANGES = ("categories", "low", "high", "step", "nullable")


@dataclass(frozen=True)
class Exported:
    """Metadata, ready for JSON, and what of the schema they do not hold, a line each."""

    content: dict[str, Any]
    notes: tuple[str, ...]


def metadata_of_schema(schema: Schema, *, spec: Spec = "V1") -> Exported:
    """SDV's metadata of a schema; what they cannot hold is in the notes."""
    notes: list[str] = []
    lost = [key for key in ("description", "licence") if getattr(schema, key)]
    lost += ["cleaning"] if schema.cleaning != "none" else []
    if lost:
        notes.append(f"{', '.join(lost)} of the schema not carried: SDV's metadata have no place for it")
    relationships = _relationships(schema, notes)
    tables = {table.name: _table(table, spec, notes) for table in schema.tables}
    content = {"METADATA_SPEC_VERSION": spec, "tables": tables, "relationships": relationships}
    return Exported(content, tuple(notes))


def _relationships(schema: Schema, notes: list[str]) -> list[dict[str, str]]:
    """Foreign keys; SDV takes no cycles, and one parent a column."""
    found: list[dict[str, str]] = []
    above: dict[str, set[str]] = {table.name: set() for table in schema.tables}
    for table in schema.tables:
        used: set[str] = set()
        for key in table.foreign_keys:
            where = f"{table.name}: its foreign key {key.column!r} to {key.table!r} not carried"
            ancestors = _ancestors(key.table, above)
            if key.column in used:
                notes.append(f"{where}: SDV takes one parent a column")
            elif table.name == key.table or table.name in ancestors:
                notes.append(f"{where}: SDV takes no tables that point to one another in a circle")
            else:
                used.add(key.column)
                above[table.name].add(key.table)
                found.append(
                    {
                        "parent_table_name": key.table,
                        "parent_primary_key": str(schema.table(key.table).primary_key),
                        "child_table_name": table.name,
                        "child_foreign_key": key.column,
                    }
                )
    return found


def _ancestors(table: str, above: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [table]
    while waiting:
        for parent in above[waiting.pop()] - found:
            found.add(parent)
            waiting.append(parent)
    return found


def _table(table: Table, spec: Spec, notes: list[str]) -> dict[str, Any]:
    keys = {table.primary_key, table.unit, *(key.column for key in table.foreign_keys)}
    content: dict[str, Any] = {
        "columns": {column.name: _column(table, column, column.name in keys, spec, notes) for column in table.columns}
    }
    if table.primary_key is not None:
        content["primary_key"] = table.primary_key
    plain = Table(name="t", columns=(Column(name="c", kind="real"),))
    lost = [key for key in ("missing", "format", "description") if getattr(table, key) != getattr(plain, key)]
    if lost:
        notes.append(f"{table.name}: {', '.join(lost)} not carried: SDV's metadata have no place for it")
    if table.unit is not None and table.unit != table.primary_key:
        content["sequence_key"] = table.unit
    elif table.unit is not None:
        notes.append(f"{table.name}: that {table.unit!r} is the unit of privacy is not carried: SDV knows no units")
    if table.order_by is not None:
        kind = table.column(table.order_by).kind
        if (
            "sequence_key" in content
            and table.order_by not in keys
            and kind not in ("categorical", "boolean", "identifier", "text")
        ):
            content["sequence_index"] = table.order_by
        else:
            notes.append(
                f"{table.name}: order_by {table.order_by!r} not carried: SDV orders rows of a sequence by a number"
            )
    return content


def _column(table: Table, column: Column, key: bool, spec: Spec, notes: list[str]) -> dict[str, Any]:
    where = f"{table.name}.{column.name}"
    if key and column.kind != "identifier":
        notes.append(f"{where}: its kind {column.kind} not carried: a key of SDV's is of sdtype id")
    if column.kind == "text":
        notes.append(f"{where}: that it is text not carried: SDV learns none, and makes up what is unknown to it")
    content = _sdtype(column, key, spec)
    # SDV takes no other range of a key.
    ranges = {name: value for name, value in _ranges(column).items() if not key or name == "range_is_nullable"}
    carried = set(content) | (set(ranges) if spec == "V2" else set())
    if spec == "V2":
        content |= ranges
    if column.name in (table.primary_key, table.unit):
        carried.add("range_is_nullable")  # no key is missing, which SDV takes for granted
    _tell(where, column, carried, key, spec, notes)
    return content


def _sdtype(column: Column, key: bool, spec: Spec) -> dict[str, Any]:
    if key or column.kind == "identifier":
        return {"sdtype": "id"} | ({"regex_format": regex_of(column.pattern)} if column.pattern else {})
    if column.kind in ("date", "datetime"):
        format = column.datetime_format or ("%Y-%m-%d" if column.kind == "date" else None)
        return {"sdtype": "datetime"} | ({"datetime_format": format} if format else {})
    if column.kind in ("integer", "real"):
        represented = "Int64" if column.kind == "integer" else "Float"
        return {"sdtype": "numerical"} | ({"computer_representation": represented} if spec == "V1" else {})
    if column.kind == "text":
        return {"sdtype": "unknown"}
    return {"sdtype": column.kind}


def _ranges(column: Column) -> dict[str, Any]:
    """What V2 holds beside the sdtype, of what was declared."""
    content: dict[str, Any] = {}
    if not column.nullable and "nullable" not in column.learned:
        content["range_is_nullable"] = False
    if column.categories is not None and "categories" not in column.learned:
        content["range_values"] = [int(v) if column.stored == "integer" else v for v in column.categories]
    places = _decimal_places(column)
    if places is not None and "step" not in column.learned:
        content["decimal_places"] = places
    for attribute, key in (("low", "range_min"), ("high", "range_max")):
        bound = getattr(column, attribute)
        if bound is not None and attribute not in column.learned:
            written = _bound(column, bound)
            content |= {key: written} if written is not None else {}
    return content


def _decimal_places(column: Column) -> int | None:
    if column.kind == "integer":
        return 0
    if column.kind != "real" or column.step is None:
        return None
    places = round(-math.log10(column.step))
    return places if places > 0 and math.isclose(column.step, 10.0**-places, rel_tol=1e-12) else None


def _bound(column: Column, bound: float | str) -> Any:
    """A bound as SDV writes it; ``None`` if its format of times would lose some of it."""
    if isinstance(bound, str):
        format = column.datetime_format or ("%Y-%m-%d" if column.kind == "date" else None)
        stamp = datetime.fromisoformat(bound)
        if format is None:
            return stamp.isoformat()
        try:
            written = stamp.strftime(format)
            return written if datetime.strptime(written, format) == stamp else None
        except ValueError:
            return None
    return int(bound) if column.kind == "integer" and float(bound).is_integer() else bound


_KEY_OF = {
    "categories": "range_values",
    "low": "range_min",
    "high": "range_max",
    "step": "decimal_places",
    "nullable": "range_is_nullable",
}


def _tell(where: str, column: Column, carried: set[str], key: bool, spec: Spec, notes: list[str]) -> None:
    """Notes on what ``carried``, the keys of the metadata, leave out of a column."""
    set_ = {item.name for item in fields(column) if getattr(column, item.name) != item.default}
    lost = [name for name in _NEVER if name in set_]
    if column.stored != "text" and not (spec == "V2" and "range_values" in carried):
        lost.append("stored")
    ranges = [name for name in _IN_RANGES if name in set_ and _KEY_OF[name] not in carried]
    if column.kind == "integer" and column.step in (None, 1):
        ranges = [name for name in ranges if name != "step"]
    read = [name for name in ranges if name in column.learned]
    declared = [name for name in ranges if name not in column.learned]
    if lost:
        notes.append(f"{where}: {', '.join(lost)} not carried: SDV's metadata have no place for it")
    if declared:
        place = "V1 has no place for it (V2 has)" if spec == "V1" and not key else "SDV's metadata have no place for it"
        notes.append(f"{where}: {', '.join(declared)} not carried: {place}")
    if read:
        notes.append(f"{where}: {', '.join(read)} was read off records, which SDV's metadata cannot say; left out")
    shaping = [name for name in ("kind", "pattern", "datetime_format") if name in column.learned]
    if shaping:
        notes.append(f"{where}: the mark that {', '.join(shaping)} was read off records is lost")
