"""The schema of what the simulator gives: users, their clicks and their purchases, as one time line."""

from __future__ import annotations

from datetime import timedelta

from domains.shop.simulator.items import item_names
from domains.shop.simulator.parameters import DAY, Parameters, load_parameters
from shared.corpus.schema import Column, ForeignKey, Schema, Table, Timeline

USERS, CLICKS, PURCHASES, EVENTS = "users", "clicks", "purchases", "events"
CODING = "shop-item"  # what is bought was clicked: both columns of items have one vocabulary


def shop_schema() -> Schema:
    """The schema; it stands on the simulator's parameters alone and so is public."""
    parameters = load_parameters()
    user = Column(name="user_id", kind="identifier", nullable=False, pattern="U99999999", description="Made up")
    ages = parameters.people.ages
    key = (ForeignKey(column="user_id", table=USERS),)
    users = Table(
        name=USERS,
        columns=(
            user,
            Column(
                name="age", kind="integer", nullable=False, low=ages[0][0], high=ages[-1][1], step=1, physical_unit="a"
            ),
            _category("region", tuple(parameters.people.regions), "Region of the US census"),
            _category("device", tuple(parameters.devices.shares), "What the user shops with"),
            _category("segment", tuple(parameters.segments.shares), "How often the user comes"),
        ),
        primary_key="user_id",
        description="One row a simulated user of a shop",
    )
    quantities = parameters.lines.quantity
    pieces = Column(name="quantity", kind="integer", nullable=False, low=min(quantities), high=max(quantities), step=1)
    clicks, purchases = (
        Table(
            name=name,
            columns=(user, _time(parameters), _item(parameters), *more),
            order_by="time",
            foreign_keys=key,
            description=description,
        )
        for name, more, description in (
            (CLICKS, (), "One row a look at an item"),
            (PURCHASES, (pieces,), "One row a bought item, after the click on it"),
        )
    )
    return Schema(
        name="simulated-shop",
        tables=(users, clicks, purchases),
        timelines=(Timeline(name=EVENTS, tables=(CLICKS, PURCHASES)),),
        description="Users of a simulated shop over half a year; made from public facts and choices, no person stands "
        "behind a row",
    )


def _category(name: str, categories: tuple[str, ...], description: str) -> Column:
    return Column(name=name, kind="categorical", nullable=False, categories=categories, description=description)


def _item(parameters: Parameters) -> Column:
    return Column(
        name="item",
        kind="categorical",
        nullable=False,
        categories=item_names(parameters),
        coding=CODING,
        description="Category and rank in it",
    )


def _time(parameters: Parameters) -> Column:
    window = parameters.window
    last = window.begins.astype(object) + timedelta(seconds=window.seconds - 1)
    return Column(
        name="time",
        kind="datetime",
        nullable=False,
        low=f"{window.first.isoformat()}T00:00:00",
        high=last.isoformat(),
        step=1,
        description=f"Inside {window.seconds // DAY} days",
    )
