"""Visits: when users click and buy, and where each click leads.

Clicks lie user by user in the order of time, purchases behind the click of their item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domains.shop.simulator.items import Items
from domains.shop.simulator.parameters import Parameters
from domains.shop.simulator.users import Users
from shared.randomness import numpy_generator


@dataclass(frozen=True, eq=False)
class Clicks:
    """Clicks of all users, each array of shape ``(clicks,)``.

    ``second`` counts from the beginning of the window, ``opens`` tells the first click of a visit. Where ``bought``,
    ``quantity`` pieces of the item are bought ``hesitates`` seconds later.
    """

    user: NDArray[np.int64]
    second: NDArray[np.int64]
    opens: NDArray[np.bool_]
    item: NDArray[np.int64]
    bought: NDArray[np.bool_]
    hesitates: NDArray[np.int64]
    quantity: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> Clicks:
        """The chosen clicks."""
        return Clicks(**{name: values[chosen] for name, values in vars(self).items()})


def clicks_of(users: Users, items: Items, parameters: Parameters, seed: int) -> Clicks:
    """All clicks inside the window; each user has at least one, since the first visit begins inside it."""
    visitor, length, lines = _visits(users, parameters, seed)
    user = np.repeat(visitor, length)
    opens = np.zeros(len(user), dtype=bool)
    opens[np.cumsum(length) - length] = True
    bought = _bought(length, lines, seed)
    second, hesitates = _times(user, opens, parameters, seed)
    random = numpy_generator(seed, "quantities")
    quantities = parameters.lines.quantity
    weights = np.array(list(quantities.values()))
    clicks = Clicks(
        user=user,
        second=second,
        opens=opens,
        item=_walk(user, opens, bought, users, items, parameters, seed),
        bought=bought,
        hesitates=hesitates,
        quantity=random.choice(np.array(list(quantities)), size=len(user), p=weights / weights.sum()),
    )
    return clicks.take(clicks.second + clicks.hesitates < parameters.window.seconds)


def _visits(
    users: Users, parameters: Parameters, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each visit: whose it is, how many clicks it has, and how many lines it buys."""
    random = numpy_generator(seed, "visits")
    segments, facts = parameters.segments, parameters.visits
    often = np.array(list(segments.visits.values()))
    visitor = np.repeat(np.arange(len(users)), random.geometric(1 / often[users.segment]))
    length = random.geometric(1 / facts.clicks, size=len(visitor))
    # Segments differ in how readily they buy; over all visits the share is what was published.
    readily = np.array(list(segments.buys.values()))
    visits = np.array(list(segments.shares.values())) * often
    chance = facts.buying * readily / np.average(readily, weights=visits)
    buying = random.random(len(visitor)) < chance[users.segment[visitor]]
    lines = np.where(buying, random.geometric(1 / facts.lines, size=len(visitor)), 0)
    return visitor, np.maximum(length, lines), lines  # each line was clicked


def _bought(length: NDArray[np.int64], lines: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Which clicks are followed by a purchase: of each visit as many as it has lines, any of them."""
    random = numpy_generator(seed, "purchases")
    visit = np.repeat(np.arange(len(length)), length)
    order = np.lexsort((random.random(len(visit)), visit))
    rank = np.empty(len(visit), dtype=np.int64)
    rank[order] = np.arange(len(visit)) - np.repeat(np.cumsum(length) - length, length)
    return rank < lines[visit]


def _times(
    user: NDArray[np.int64], opens: NDArray[np.bool_], parameters: Parameters, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Seconds of the clicks, and how long after each one would buy: before the next click."""
    random = numpy_generator(seed, "times")
    times, n = parameters.times, len(user)
    inside = np.exp(random.normal(np.log(times.inside[0]), times.inside[1], n))
    between = times.pause + np.exp(random.normal(np.log(times.between[0]), times.between[1], n))
    gap = np.where(opens, between, np.clip(inside, 2, times.pause)).astype(np.int64)
    first = np.ones(n, dtype=bool)
    first[1:] = user[1:] != user[:-1]
    # Early enough for a purchase: every user has a click inside the window.
    gap[first] = random.integers(0, parameters.window.seconds - times.pause, n)[first]
    second = np.cumsum(gap)
    start = np.flatnonzero(first)
    second -= np.repeat(second[start] - gap[start], np.diff(np.append(start, n)))
    following = np.append(gap[1:], 0)
    free = np.where(np.append(opens[1:], True), times.pause, following)
    return second, np.maximum(1, (free * random.uniform(0.2, 0.9, n)).astype(np.int64))


def _walk(
    user: NDArray[np.int64],
    opens: NDArray[np.bool_],
    bought: NDArray[np.bool_],
    users: Users,
    items: Items,
    parameters: Parameters,
    seed: int,
) -> NDArray[np.int64]:
    """The item of each click: step by step, all users who have a click left at once."""
    random = numpy_generator(seed, "items")
    browsing, n = parameters.browsing, len(user)
    stays = browsing.same + browsing.companion + browsing.category
    onward, within = np.cumsum(items.onward, axis=1), np.cumsum(items.within(), axis=1)
    likes = np.cumsum(users.taste, axis=1)
    start = np.flatnonzero(np.diff(user, prepend=-1))
    count = np.diff(np.append(start, n))
    item = np.zeros(n, dtype=np.int64)
    for step in range(int(count.max(initial=0))):
        now = start[count > step] + step
        by_taste = _picked(within[_picked(likes[user[now]], random)], random)
        if step == 0:
            item[now] = by_taste
            continue
        before = item[now - 1]
        staying = np.where(bought[now - 1], 1 - browsing.leaves_after_purchase, stays)
        onwards = _picked(onward[before], random)
        chance = random.random(len(now))
        item[now] = np.where(
            opens[now],
            np.where(chance < browsing.returns, before, by_taste),
            np.where(chance < staying, onwards, by_taste),
        )
    return item


def _picked(cumulative: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """One index a row, by cumulative chances of shape ``(rows, choices)``."""
    last = cumulative.shape[1] - 1
    return np.minimum((random.random((len(cumulative), 1)) > cumulative).sum(axis=1), last)
