"""Records of several tables as views: whose rows they are, in which order, and what a cap leaves of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.corpus.joining import groups_of, histories_of, joined_views
from shared.corpus.relations import View, tree_of, view_of
from shared.corpus.schema import Column, ForeignKey, Schema, Table
from shared.corpus.units import UnitFrame
from shared.errors import DataError


def key(name: str) -> Column:
    return Column(name=name, kind="identifier", nullable=False)


SCHEMA = Schema(
    tables=(
        Table(name="shops", columns=(key("shop"), Column(name="size", kind="integer")), primary_key="shop"),
        Table(
            name="orders",
            columns=(key("order"), key("shop"), Column(name="day", kind="integer")),
            primary_key="order",
            foreign_keys=(ForeignKey(column="shop", table="shops"),),
            order_by="day",
        ),
        Table(
            name="items",
            columns=(key("order"), key("shop"), Column(name="price", kind="integer")),
            foreign_keys=(ForeignKey(column="order", table="orders"), ForeignKey(column="shop", table="shops")),
        ),
    )
)
Frames = Mapping[str, pd.DataFrame]


def views() -> list[View]:
    tree = tree_of(SCHEMA)
    shops = view_of(tree, "shops", None)
    orders = view_of(tree, "orders", shops)
    return [shops, orders, view_of(tree, "items", orders)]


def corpus(counts: list[list[int]], shuffle: int = 0) -> dict[str, pd.DataFrame]:
    """``counts[s][o]``: how many items order ``o`` of shop ``s`` has; all rows in any order."""
    shops, orders, items = [], [], []
    for shop, numbers in enumerate(counts):
        shops.append((f"s{shop}", 10 * shop))
        for order, number in enumerate(numbers):
            orders.append((f"o{shop}-{order}", f"s{shop}", order))
            items += [(f"o{shop}-{order}", f"s{shop}", price) for price in range(number)]
    frames = {
        "shops": pd.DataFrame(shops, columns=["shop", "size"]),
        "orders": pd.DataFrame(orders, columns=["order", "shop", "day"]),
        "items": pd.DataFrame(items, columns=["order", "shop", "price"]),
    }
    random = np.random.default_rng(shuffle)
    typed = {}
    for table in SCHEMA.tables:
        dtypes = {c.name: "str" if c.kind == "identifier" else "Int64" for c in table.columns}
        frame = frames[table.name].astype(dtypes)
        typed[table.name] = frame.iloc[random.permutation(len(frame))].reset_index(drop=True)
    return typed


SOME = [[2, 0, 3], [], [1], [4, 4, 4, 1]]


def by_name(units: UnitFrame) -> dict[str, list[tuple[object, ...]]]:
    return {
        str(name): [tuple(row) for row in units.take(np.array([place])).frame.astype("str").to_numpy()]
        for place, name in enumerate(units.units)
    }


def test_rows_know_those_above_and_count_those_below() -> None:
    joined = joined_views(views(), corpus(SOME))
    shops = joined["shops"].frame.set_index("shop")
    assert shops["rows of orders"].to_dict() == {"s0": 3, "s1": 0, "s2": 1, "s3": 4}
    orders = joined["orders"].frame.set_index("order")
    assert orders.loc["o0-1", "rows of items"] == 0
    assert orders.loc["o0-2", ["size", "rows of orders", "rows of items"]].tolist() == [0, 3, 3]
    items = joined["items"].frame
    assert (items["size"] == items["shop"].str[1:].astype(int) * 10).all()
    assert (items["order"].str[1] == items["shop"].str[1]).all()


def test_rows_stand_by_unit_and_below_one_row_in_the_declared_order() -> None:
    joined = joined_views(views(), corpus(SOME, shuffle=3))
    orders = joined["orders"]
    assert set(orders.units) == {"s0", "s2", "s3"}
    for rows in by_name(orders).values():
        days = [int(str(row[-2])) for row in rows]
        assert days == sorted(days)


def test_histories_are_the_rows_below_one_row() -> None:
    joined, (_, orders, items) = joined_views(views(), corpus(SOME, shuffle=1)), views()
    histories = histories_of(items, joined["items"])
    assert dict(zip(histories.units, histories.rows_per_unit, strict=True)) == {
        "o0-0": 2, "o0-2": 3, "o2-0": 1, "o3-0": 4, "o3-1": 4, "o3-2": 4, "o3-3": 1
    }  # fmt: skip
    groups = groups_of(joined["items"], histories)
    assert np.diff(groups).tolist() == [{"s0": 2, "s2": 1, "s3": 4}[str(name)] for name in joined["items"].units]
    # Of a table directly below that of the units they are the units themselves.
    assert len(histories_of(orders, joined["orders"])) == len(joined["orders"])


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.lists(st.integers(0, 4), max_size=5), min_size=1, max_size=6),
    most=st.tuples(st.integers(1, 4), st.integers(1, 6)),
    shuffle=st.integers(0, 9),
)
def test_a_cap_leaves_no_unit_more_rows_and_no_row_without_its_parent(
    counts: list[list[int]], most: tuple[int, int], shuffle: int
) -> None:
    capped = joined_views(
        views(), corpus(counts, shuffle), most={"orders": most[0], "items": most[1]}, key=b"a key of the source"
    )
    for name, cap in (("orders", most[0]), ("items", most[1])):
        assert capped[name].rows_per_unit.max(initial=0) <= cap
    assert set(capped["items"].frame["order"]) <= set(capped["orders"].frame["order"])
    assert capped["shops"].frame["rows of orders"].sum() == capped["orders"].rows
    assert capped["orders"].frame["rows of items"].sum() == capped["items"].rows


@pytest.mark.parametrize("most", [None, {"orders": 2, "items": 3}])
def test_a_unit_changes_nothing_of_the_others(most: Mapping[str, int] | None) -> None:
    # The neighbour test: what one shop has, and whether it is there at all, moves no row of another.
    key_of_source = b"a key of the source"
    whole = corpus(SOME, shuffle=5)
    without = {name: frame[frame["shop"] != "s3"].reset_index(drop=True) for name, frame in whole.items()}
    before, after = (joined_views(views(), part, most=most, key=key_of_source) for part in (whole, without))
    for name in before:
        kept = {unit: rows for unit, rows in by_name(before[name]).items() if unit != "s3"}
        assert kept == by_name(after[name])


def test_rows_that_hang_on_nothing_are_refused() -> None:
    frames = corpus(SOME)
    frames["items"].loc[2, "order"] = "o9-9"
    with pytest.raises(DataError, match=r"table 'items', row 3: order points to no row of 'orders' \(1 such rows\)"):
        joined_views(views(), frames)
    frames = corpus(SOME)
    frames["orders"].loc[0, "shop"] = None
    with pytest.raises(DataError, match="table 'orders', row 1: shop points to no row of 'shops'"):
        joined_views(views(), frames)


def test_keys_that_contradict_each_other_are_refused() -> None:
    frames = corpus(SOME)
    frames["items"].loc[4, "shop"] = "s1"
    with pytest.raises(DataError, match="table 'items', row 5: shop names another row of 'shops' than its row of 'ord"):
        joined_views(views(), frames)
