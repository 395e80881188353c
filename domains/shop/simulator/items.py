"""What there is to buy, how much of it is in demand, and which items lead to which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domains.shop.simulator.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Items:
    """The items in the order of their ranks, the most wanted first.

    ``category`` and ``demand`` have shape ``(items,)``, the second sums to 1. ``onward`` of shape ``(items, items)``
    has in each row the chances of the next item for those who stay with what they look at.
    """

    names: tuple[str, ...]
    category: NDArray[np.int64]
    demand: NDArray[np.float64]
    onward: NDArray[np.float64]

    def within(self) -> NDArray[np.float64]:
        """Chances of the items of each category, shape ``(categories, items)``."""
        inside = (self.category == np.arange(self.category.max() + 1)[:, None]) * self.demand
        return inside / inside.sum(axis=1, keepdims=True)


def item_names(parameters: Parameters) -> tuple[str, ...]:
    """Every item by the order of its rank; ranks go round the categories."""
    assortment = parameters.assortment
    digits = len(str(assortment.items))
    return tuple(
        f"{category}-{number + 1:0{digits}d}"
        for number in range(assortment.items)
        for category in assortment.categories
    )


def items_of(parameters: Parameters) -> Items:
    """The catalogue; it follows from the parameters alone."""
    assortment, browsing = parameters.assortment, parameters.browsing
    names, kinds = item_names(parameters), len(assortment.categories)
    number, category = np.divmod(np.arange(len(names)), kinds)
    ranks = np.arange(1, len(names) + 1, dtype=np.float64)
    demand: NDArray[np.float64] = ranks**-parameters.catalogue.exponent
    demand = demand / demand.sum()
    items = Items(names, category, demand, np.empty(0))
    companion = np.zeros((len(names), len(names)))
    for place in browsing.companions:
        behind = (number + place) % assortment.items * kinds + category
        companion[np.arange(len(names)), behind] += demand[behind]  # the more wanted of two companions is clicked more
    companion /= companion.sum(axis=1, keepdims=True)
    stays = browsing.same + browsing.companion + browsing.category
    onward = browsing.same * np.eye(len(names)) + browsing.companion * companion
    onward += browsing.category * items.within()[category]
    return Items(names, category, demand, onward / stays)
