"""How the tables of a corpus hang together: a tree of foreign keys below the table of the units.

An engine learns one table at a time, each row given the row above it in the tree and all that is above that one.
What it sees is a :class:`View`: the columns of the table itself, beside those of the rows above. The number of rows
that a row has below it in another table is a column of its own, so that it is learned and drawn like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.corpus.schema import UNCODED, Column, ForeignKey, Schema, Table
from shared.errors import SchemaError


@dataclass(frozen=True)
class Tree:
    """The tables of a schema below its root, the table in which each row is a unit.

    ``order`` has each table behind its parent, ``parents`` the key of each but the root to the table above it.
    """

    schema: Schema
    order: tuple[str, ...]
    parents: Mapping[str, ForeignKey]

    @property
    def root(self) -> Table:
        return self.schema.table(self.order[0])

    def children(self, name: str) -> tuple[str, ...]:
        """The tables directly below a table."""
        return tuple(child for child in self.order if child in self.parents and self.parents[child].table == name)

    def above(self, name: str) -> tuple[str, ...]:
        """The tables above a table, the nearest first."""
        found: list[str] = []
        while name in self.parents:
            name = self.parents[name].table
            found.append(name)
        return tuple(found)


def tree_of(schema: Schema) -> Tree:
    """The tree of a schema of several tables.

    A table with keys to several others hangs below the lowest of them, and the others must be above that one.
    Raises ``SchemaError`` for keys that form no such tree.
    """
    roots = [table.name for table in schema.tables if not table.foreign_keys]
    if len(roots) != 1:
        found = ", ".join(roots) if roots else "none"
        raise SchemaError(
            f"of several tables exactly one, that of the units, has no foreign key; here it is {found}: declare the "
            "foreign_keys of the others, or leave tables that belong to no unit out of the schema"
        )
    if schema.table(roots[0]).primary_key is None:
        raise SchemaError(f"table {roots[0]!r} has no primary_key; it names the units, declare it")
    order, parents = [roots[0]], dict[str, ForeignKey]()
    waiting = [table for table in schema.tables if table.foreign_keys]
    while waiting:
        ready = [table for table in waiting if {key.table for key in table.foreign_keys} <= set(order)]
        if not ready:
            names = ", ".join(table.name for table in waiting)
            raise SchemaError(f"the foreign keys of {names} run in a circle; take one of them out of the schema")
        for table in ready:
            parents[table.name] = _parent(table, Tree(schema, tuple(order), dict(parents)))
        order += [table.name for table in ready]
        waiting = [table for table in waiting if table not in ready]
    return Tree(schema, tuple(order), parents)


def _parent(table: Table, tree: Tree) -> ForeignKey:
    """The key to the lowest of the tables that ``table`` refers to."""
    targets = [key.table for key in table.foreign_keys]
    lowest = max(table.foreign_keys, key=lambda key: len(tree.above(key.table)))
    beside = [name for name in targets if name not in (lowest.table, *tree.above(lowest.table))]
    if beside or len(set(targets)) < len(targets):
        raise SchemaError(
            f"table {table.name!r} has foreign keys to {', '.join(targets)}; they must go to different tables, of "
            "which each is above the other: leave one out of foreign_keys"
        )
    if any(column.of_unit for column in table.columns):
        raise SchemaError(
            f"table {table.name!r}: columns marked of_unit belong into the table of the units, {tree.root.name!r}"
        )
    return lowest


@dataclass(frozen=True, kw_only=True)
class View:
    """One table as it is learned and judged.

    ``source`` is the table of the schema. ``table`` has its rows by unit, ``history`` by the row above them; both
    have the same columns: keys of the rows above, what is ``given`` of those, and the table's own columns without
    its foreign keys. ``keys``, ``above_keys`` and ``references`` name for tables above the column that has their
    key: in the view, in the view of the parent, and in the source, which may lack some. ``counts`` names for each
    table below the column that has the number of its rows.
    """

    source: Table
    table: Table
    history: Table
    parent: ForeignKey | None
    given: Mapping[str, str]  # name in the view, and in the view of the parent
    keys: Mapping[str, str]
    above_keys: Mapping[str, str]
    references: Mapping[str, str]
    counts: Mapping[str, str]

    @property
    def own(self) -> tuple[str, ...]:
        """The columns of the table itself, and its numbers of rows below."""
        above = {*self.given, *self.keys.values()}
        return tuple(name for name in self.table.names if name not in above)


def view_of(
    tree: Tree, name: str, above: View | None, *, left_out: Sequence[str] = (), most: Mapping[str, int] | None = None
) -> View:
    """The view of a table, ``above`` being that of its parent (``None``: it is the root).

    ``left_out`` columns of the parent are not given: functions of others. ``most``, where it is declared, is the
    highest number of rows of each table in a unit.
    """
    source = tree.schema.table(name)
    counts = {child: number_of(child) for child in tree.children(name)}
    numbers = [_count(column, None if most is None else most[child]) for child, column in counts.items()]
    foreign = {key.column for key in source.foreign_keys}
    own = [replace(column, of_unit=False) for column in source.columns if column.name not in foreign] + numbers
    if len({column.name for column in own}) < len(own):
        raise SchemaError(f"table {name!r} has a column named as its numbers of rows, {', '.join(counts.values())}")
    if above is None:
        table = replace(source, columns=tuple(own), unit=None, order_by=None)
        return replace(alone(table), source=source, counts=counts)
    taken = {column.name for column in own}
    parent = tree.parents[name]
    above_keys = {**above.keys, parent.table: str(above.source.primary_key)}
    keys = {other: _free(str(tree.schema.table(other).primary_key), other, taken) for other in above_keys}
    given: dict[str, str] = {}
    columns = []
    for column in _modelled(above, left_out):
        label = _free(column.name, above.source.name, taken)
        given[label] = column.name
        columns.append(replace(column, name=label))
    root = above.parent is None
    identifiers = [
        Column(name=key, kind="identifier", nullable=False, of_unit=other == tree.root.name)
        for other, key in keys.items()
    ]
    by_unit = [replace(column, of_unit=root or column.of_unit) for column in columns]
    by_row = [replace(column, of_unit=True) for column in (*identifiers, *columns)]
    bare = replace(source, foreign_keys=(), order_by=None)
    return View(
        source=source,
        table=replace(bare, columns=(*identifiers, *by_unit, *own), unit=keys[tree.root.name]),
        history=replace(
            bare,
            columns=(*by_row, *own),
            unit=keys[parent.table],
            order_by=None if source.order_by in foreign else source.order_by,
        ),
        parent=parent,
        given=given,
        keys=keys,
        above_keys=above_keys,
        references={key.table: key.column for key in source.foreign_keys},
        counts=counts,
    )


def number_of(child: str) -> str:
    """The column that has, for a row of the table above, the number of its rows in ``child``."""
    return f"rows of {child}"


def _modelled(view: View, left_out: Sequence[str]) -> list[Column]:
    """What a view has to give to those below: no names and keys, which tell one row from all others."""
    keys = {view.table.primary_key, *view.keys.values(), *left_out}
    return [column for column in view.table.columns if column.kind not in UNCODED and column.name not in keys]


def _count(name: str, most: int | None) -> Column:
    return Column(
        name=name, kind="integer", nullable=False, low=0, high=most, step=1, description="Number of rows below this one"
    )


def _free(name: str, table: str, taken: set[str]) -> str:
    """The name, or with its table before it where it is taken; it is taken from now on."""
    for label in (name, f"{table}.{name}"):
        if label not in taken:
            taken.add(label)
            return label
    raise SchemaError(f"there are several columns {table}.{name}; rename one of them")


def alone(table: Table) -> View:
    """The view of the only table of a corpus."""
    return View(
        source=table,
        table=table,
        history=table,
        parent=None,
        given={},
        keys={},
        above_keys={},
        references={},
        counts={},
    )
