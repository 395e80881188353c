"""What a private run will ask of its records, by its schema alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from privacy.budget.promise import Workload
from shared.codecs.table import modelled
from shared.corpus.schema import NUMERIC, Column, Table
from shared.errors import UndeclaredError


def workload_of(table: Table, excluded: Sequence[str] = (), *, training: bool = True) -> Workload:
    """The questions that the codecs of ``table`` ask, without the columns in ``excluded``.

    Identifiers are made up and carry no statistics. A column whose categories are not declared is
    asked twice: which it has (a stable histogram), then how frequent they are (among the other histograms).
    """
    columns = modelled(table, excluded)
    units = sum(column.of_unit for column in columns)
    return Workload(
        unknown_categories=sum(categories_unknown(column) for column in columns),
        unit_columns=units,
        row_columns=len(columns) - units,
        row_counts=table.unit is not None,
        training=training,
    )


def categories_unknown(column: Column) -> bool:
    """Whether the categories must be found among the records: not declared, or only read off them."""
    return column.kind == "categorical" and (column.categories is None or "categories" in column.learned)


def missing_declarations(table: Table, excluded: Sequence[str] = ()) -> list[str]:
    """What a private run needs of each column and the schema does not declare; one line a column, without records."""
    lines = []
    asked = modelled(table, excluded)
    for column in table.columns:
        missing = _unconfirmed(column) + (_unbounded(column) if column in asked else [])
        if missing:
            lines.append(f"column {column.name!r}: {'; '.join(missing)}")
    return lines


def _unconfirmed(column: Column) -> list[str]:
    """What was read off records, shapes the output, and cannot be found with noise."""
    missing = []
    if "kind" in column.learned:
        missing.append(f"kind {column.kind} was read off records; confirm it by removing 'kind' from 'learned'")
    for attribute in ("step", "pattern", "datetime_format"):
        if attribute in column.learned:
            missing.append(f"{attribute} was read off records; declare it and remove {attribute!r} from 'learned'")
    return missing


def _unbounded(column: Column) -> list[str]:
    """What a number lacks of a declared grid."""
    ends = [end for end in ("low", "high") if getattr(column, end) is None or end in column.learned]
    if column.kind not in NUMERIC or column.edges is not None or not ends:
        return []
    read = " (read off records so far)" if set(ends) & set(column.learned) else ""
    return [f"declare {' and '.join(ends)}{read}, or edges of a grid"]


def declared(table: Table, excluded: Sequence[str] = ()) -> Table:
    """The table with declared knowledge only, for the codecs of a private run.

    Values that were read off records are forgotten where the run can do without (categories are then
    found and paid for, columns are nullable, bounds follow from declared edges). Raises ``UndeclaredError`` on what is
    missing, all columns in one line. Touches no records.
    """
    lines = missing_declarations(table, excluded)
    if lines:
        raise UndeclaredError(f"table {table.name!r}, a private run needs more declared: {' | '.join(lines)}")
    return replace(table, columns=tuple(_declared_column(column) for column in table.columns))


def _declared_column(column: Column) -> Column:
    forgotten: dict[str, object] = {"learned": ()}
    for attribute in ("categories", "low", "high"):
        if attribute in column.learned:
            forgotten[attribute] = None
    if "nullable" in column.learned:
        forgotten["nullable"] = True
    if "categories" in column.learned:
        forgotten["spellings"] = ()
    return replace(column, **forgotten)  # type: ignore[arg-type]
