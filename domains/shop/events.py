"""What clicks and purchases of one time line are for, and what must hold among them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domains.base.constraints import Check, Constraint
from domains.base.contract import Task
from shared.corpus.schema import Table
from shared.corpus.units import UnitFrame

CLICKED, BOUGHT = "clicks.item", "purchases.item"


def event_constraints(table: Table) -> list[Constraint]:
    """Those of a time line of clicks and purchases, recognised by its columns."""
    if not {CLICKED, BOUGHT} <= set(table.names):
        return []
    return [
        Check(
            name="what is bought was clicked before",
            table=table.name,
            broken=_never_clicked,
            description="a purchase follows a click of the same user on the same item",
        )
    ]


def event_tasks(table: Table) -> list[Task]:
    """The next item that is clicked."""
    if CLICKED not in table.names:
        return []
    return [
        Task(
            name="next click",
            table=table.name,
            target=CLICKED,
            kind="next-item",
            at=10,
            description="the item that a user clicks next is among ten that are recommended",
        )
    ]


def _never_clicked(data: UnitFrame) -> NDArray[np.bool_]:
    """Shape ``(rows,)``: purchases of what the user has not clicked in an earlier row."""
    frame = data.frame
    bought = frame[BOUGHT].notna().to_numpy(dtype=bool)
    items = frame[CLICKED].where(frame[CLICKED].notna(), frame[BOUGHT])
    clicks = pd.Series(frame[CLICKED].notna().to_numpy(dtype=np.int64))
    known = items.notna().to_numpy(dtype=bool)
    before = clicks.groupby([data.unit_of_row, items.fillna("").to_numpy()], sort=False).cumsum()
    return bought & (~known | (before.to_numpy() == 0))
