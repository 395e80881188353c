"""The domain of shops: users with clicks and purchases in one time line, and a simulated shop."""

from __future__ import annotations

from collections.abc import Sequence

from domains.base.constraints import Constraint
from domains.base.contract import Task
from domains.base.unit_columns import settle
from domains.shop.events import event_constraints, event_tasks
from domains.shop.simulator import shop_schema, simulate_shop
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Schema
from shared.errors import ConfigurationError
from shared.training.reporter import Reporter

LAYOUT = "tables"


class ShopDomain:
    """Users, their clicks and their purchases; the unit of privacy is the user."""

    name = "shop"

    def schema(self, layout: str | None = None) -> Schema | None:
        """That of the simulated shop: users, clicks and purchases, the last two in one time line."""
        _check(layout)
        return shop_schema()

    def prepare(self, corpus: Corpus) -> Corpus:
        """The corpus as it is, but that what is declared ``of_unit`` is made one value a unit."""
        return settle(corpus)

    def constraints(self, schema: Schema) -> Sequence[Constraint]:
        """Those of its time lines, recognised by the names of their columns."""
        return [constraint for table in schema.tables for constraint in event_constraints(table)]

    def tasks(self, schema: Schema) -> Sequence[Task]:
        """The next click, where there is a time line of clicks."""
        return [task for table in schema.tables for task in event_tasks(table)]

    def simulate(self, units: int, *, seed: int, reporter: Reporter, layout: str | None = None) -> Corpus:
        """Users of a shop over half a year, from public facts and declared choices."""
        _check(layout)
        return simulate_shop(units, seed=seed, reporter=reporter)


def _check(layout: str | None) -> None:
    if layout not in (None, LAYOUT):
        raise ConfigurationError(f"layout is {layout!r}; the simulated shop has {LAYOUT}")
