"""The simulated shop: users, their clicks and purchases, as three tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.numbering import distinct, numbered
from domains.shop.simulator.items import Items, items_of
from domains.shop.simulator.layout import CLICKS, PURCHASES, USERS, shop_schema
from domains.shop.simulator.parameters import Parameters, load_parameters
from domains.shop.simulator.users import Users, users_of
from domains.shop.simulator.visits import Clicks, clicks_of
from shared.corpus.corpus import DTYPES, Corpus
from shared.corpus.schema import Table
from shared.errors import ConfigurationError
from shared.randomness import derive, numpy_generator
from shared.training.reporter import Reporter

_MOST_UNITS = 10_000_000  # a tenth of the numbers that the pattern of user_id allows
_BLOCK = 20_000  # users simulated at once: memory grows with the tables, not with the work


def simulate_shop(units: int, *, seed: int, reporter: Reporter) -> Corpus:
    """A corpus of ``units`` users, each with at least one click; equal for equal arguments."""
    if not 1 <= units <= _MOST_UNITS:
        raise ConfigurationError(
            f"{units} users are asked for; the simulator makes between 1 and {_MOST_UNITS}: change units"
        )
    parameters, schema = load_parameters(), shop_schema()
    items = items_of(parameters)
    random = numpy_generator(seed, "identifiers")
    names = numbered("U", random.permutation(distinct(random, units, 10**8)), 8)
    blocks = []
    with reporter.stage("simulating users", units) as stage:
        for block, first in enumerate(range(0, units, _BLOCK)):
            mine = names[first : first + _BLOCK]
            own = derive(seed, "block", block)
            users = users_of(len(mine), parameters, own)
            clicks = clicks_of(users, items, parameters, own)
            blocks.append(_frames(mine, users, clicks, items, parameters))
            stage.advance(len(mine))
    frames = {name: pd.concat([block[name] for block in blocks], ignore_index=True) for name in blocks[0]}
    return Corpus(schema, {table.name: _typed(frames[table.name], table) for table in schema.tables})


def _frames(
    names: NDArray[np.object_], users: Users, clicks: Clicks, items: Items, parameters: Parameters
) -> dict[str, pd.DataFrame]:
    """The tables of some users, whose ``names`` have shape ``(users,)``."""
    people = {
        "region": (parameters.people.regions, users.region),
        "device": (parameters.devices.shares, users.device),
        "segment": (parameters.segments.shares, users.segment),
    }
    shown = {name: np.array(list(known), dtype=object)[chosen] for name, (known, chosen) in people.items()}
    begins, item = parameters.window.begins, np.array(items.names, dtype=object)

    def events(some: Clicks, late: NDArray[np.int64] | int) -> dict[str, NDArray[Any]]:
        return {"user_id": names[some.user], "time": begins + some.second + late, "item": item[some.item]}

    bought = clicks.take(clicks.bought)
    return {
        USERS: pd.DataFrame({"user_id": names, "age": users.age, **shown}),
        CLICKS: pd.DataFrame(events(clicks, 0)),
        PURCHASES: pd.DataFrame({**events(bought, bought.hesitates), "quantity": bought.quantity}),
    }


def _typed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    return pd.DataFrame({column.name: frame[column.name].astype(DTYPES[column.kind]) for column in table.columns})
