"""Schemas of every kind, and those that SDV's metadata hold whole."""

from __future__ import annotations

from hypothesis import strategies as st

from shared.corpus.schema import Column, ForeignKey, Schema, Table

NAMES = st.text("abcdefgh_ é", min_size=1, max_size=5).filter(lambda name: name.strip() == name)
PATTERNS = st.none() | st.text("9AaXZ-./", min_size=1, max_size=8) | st.sampled_from(["\\9\\AX", "P999999", "\\\\aa"])
DATES = st.sampled_from(["1990-01-31", "2020-02-29"]), st.sampled_from(["2020-03-01", "2024-12-31"])


@st.composite
def columns(draw, name, ranges):
    kind = draw(st.sampled_from(["categorical", "integer", "real", "date", "datetime", "boolean", "identifier"]))
    given = {"nullable": draw(st.booleans())} if ranges else {}
    if kind == "identifier":
        given["pattern"] = draw(PATTERNS)
    if kind == "date":
        given["datetime_format"] = draw(st.sampled_from([None, "%d.%m.%Y"]))
    if kind == "datetime":
        given["datetime_format"] = draw(st.sampled_from([None, "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M:%S"]))
    if ranges and kind == "categorical":
        given["categories"] = draw(st.none() | st.just(("b", "a", "1.0")) | st.just(("3", "12")))
        given["stored"] = "integer" if given["categories"] == ("3", "12") else "text"
    if ranges and kind in ("date", "datetime"):
        low, high = draw(DATES[0]), draw(DATES[1])
        given |= (
            {"low": low, "high": high} if kind == "date" else {"low": f"{low}T10:11:00", "high": f"{high}T00:00:00"}
        )
    if ranges and kind in ("integer", "real"):
        given |= {"low": draw(st.none() | st.integers(-9, 0).map(float)), "high": draw(st.none() | st.just(7.0))}
    if ranges and kind == "real":
        given["step"] = draw(st.sampled_from([None, 0.1, 0.01, 1e-6]))
    return Column(name=name, kind=kind, **given)


@st.composite
def schemas(draw, *, ranges):
    """Tables that point to earlier ones; ``ranges`` for what V2 holds, else for what V1 holds."""
    tables = []
    for number in range(draw(st.integers(1, 3))):
        names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
        made = [draw(columns(name, ranges)) for name in names]
        parents = [table for table in tables if table.primary_key is not None and draw(st.booleans())]
        keys = []
        for parent in parents:
            key = parent.column(parent.primary_key)
            made.append(Column(name=f"to {parent.name}", kind="identifier", pattern=key.pattern))
            keys.append(ForeignKey(column=made[-1].name, table=parent.name))
        primary = unit = order = None
        if draw(st.booleans()):
            primary = "key"
            made.append(Column(name="key", kind="identifier", nullable=False, pattern=draw(PATTERNS)))
        if draw(st.booleans()):
            unit = "unit"
            made.append(Column(name="unit", kind="identifier", nullable=False))
            times = [column.name for column in made if column.kind in ("date", "datetime", "integer")]
            order = draw(st.sampled_from([None, *times]))
        table = {"primary_key": primary, "unit": unit, "order_by": order, "foreign_keys": tuple(keys)}
        tables.append(Table(name=f"t{number}", columns=tuple(made), **table))
    return Schema(tables=tuple(tables))
