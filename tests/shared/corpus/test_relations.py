"""Tables below the table of the units: which trees there are, and what a row is given of those above it."""

from __future__ import annotations

import dataclasses

import pytest

from shared.corpus.relations import View, tree_of, view_of
from shared.corpus.schema import Column, ForeignKey, Schema, Table
from shared.errors import SchemaError


def key(name: str) -> Column:
    return Column(name=name, kind="identifier", nullable=False)


SHOPS = Table(name="shops", columns=(key("shop"), Column(name="size", kind="integer")), primary_key="shop")
ORDERS = Table(
    name="orders",
    columns=(key("order"), key("shop"), Column(name="size", kind="real"), Column(name="day", kind="date")),
    primary_key="order",
    foreign_keys=(ForeignKey(column="shop", table="shops"),),
    order_by="day",
)
ITEMS = Table(
    name="items",
    columns=(key("order"), key("shop"), Column(name="colour", kind="categorical")),
    foreign_keys=(ForeignKey(column="shop", table="shops"), ForeignKey(column="order", table="orders")),
)
SCHEMA = Schema(tables=(ITEMS, SHOPS, ORDERS))


def views(schema: Schema = SCHEMA, left_out: tuple[str, ...] = ()) -> dict[str, View]:
    tree, done = tree_of(schema), dict[str, View]()
    for name in tree.order:
        above = done[tree.parents[name].table] if name in tree.parents else None
        done[name] = view_of(tree, name, above, left_out=left_out if above is not None else ())
    return done


def changed(table: Table, **changes: object) -> Schema:
    changed_table = dataclasses.replace(table, **changes)  # type: ignore[arg-type]
    return Schema(tables=tuple(changed_table if t.name == table.name else t for t in SCHEMA.tables))


def test_a_table_hangs_below_the_lowest_of_those_that_it_refers_to() -> None:
    tree = tree_of(SCHEMA)
    assert tree.order == ("shops", "orders", "items")
    assert tree.parents["items"].table == "orders"
    assert tree.above("items") == ("orders", "shops")
    assert tree.children("shops") == ("orders",)


def test_a_row_is_given_what_stands_above_it_without_names_and_keys() -> None:
    found = views()["items"]
    assert list(found.given) == ["shops.size", "rows of orders", "size", "day", "rows of items"]
    assert found.own == ("colour",)
    assert set(found.keys) == {"shops", "orders"}


def test_rows_stand_by_unit_and_by_the_row_above() -> None:
    found = views()
    assert (found["items"].table.unit, found["items"].history.unit) == ("shop", "order")
    assert (found["orders"].table.unit, found["orders"].history.unit) == ("shop", "shop")
    assert found["orders"].history.order_by == "day"
    of_unit = {column.name for column in found["items"].table.columns if column.of_unit}
    assert of_unit == {"shop", "shops.size", "rows of orders"}
    assert {c.name for c in found["items"].history.columns if not c.of_unit} == {"colour"}


def test_the_number_of_rows_below_is_a_column() -> None:
    column = views()["shops"].table.column("rows of orders")
    assert (column.kind, column.low, column.high, column.nullable) == ("integer", 0, None, False)
    tree = tree_of(SCHEMA)
    assert view_of(tree, "shops", None, most={"orders": 7, "items": 9}).table.column("rows of orders").high == 7


def test_what_is_derived_above_is_not_given() -> None:
    assert "day" not in views(left_out=("day", "size"))["items"].given


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            changed(ORDERS, foreign_keys=()),
            "exactly one, that of the units, has no foreign key; here it is shops, orde",
        ),
        (changed(ORDERS, foreign_keys=(ForeignKey(column="order", table="orders"),)), "run in a circle"),
        (changed(ORDERS, columns=(*ORDERS.columns, key("rows of items"))), "named as its numbers of rows"),
        (
            changed(
                ITEMS,
                foreign_keys=(ForeignKey(column="shop", table="shops"), ForeignKey(column="order", table="shops")),
            ),
            "must go to different tables",
        ),
        (
            changed(ORDERS, unit="shop", columns=(*ORDERS.columns, Column(name="x", kind="real", of_unit=True))),
            "columns marked of_unit belong into the table of the units, 'shops'",
        ),
    ],
)
def test_keys_that_form_no_tree_are_refused(schema: Schema, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        views(schema)


def test_tables_side_by_side_hang_below_one_of_them_at_most() -> None:
    visits = dataclasses.replace(ORDERS, name="visits")
    both = dataclasses.replace(
        ITEMS, foreign_keys=(ForeignKey(column="shop", table="visits"), ForeignKey(column="order", table="orders"))
    )
    with pytest.raises(SchemaError, match="of which each is above the other"):
        tree_of(Schema(tables=(SHOPS, ORDERS, visits, both)))


def test_the_units_need_a_key() -> None:
    bare = dataclasses.replace(ORDERS, foreign_keys=(ForeignKey(column="shop", table="items"),), primary_key=None)
    with pytest.raises(SchemaError, match="table 'items' has no primary_key|foreign key to 'items'"):
        tree_of(Schema(tables=(dataclasses.replace(ITEMS, foreign_keys=()), bare)))
