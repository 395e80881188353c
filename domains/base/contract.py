"""What a domain is: readers, writers, constraints, tasks and a simulator around the shared data model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from domains.base.constraints import Constraint
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Schema
from shared.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Task:
    """What synthetic data must be good for: train on it, test on real records.

    ``kind`` says what is predicted: the ``class`` of a row from its other columns, or the ``next-item`` of a unit,
    the value that ``target`` takes after those it had, by a recommender that may name ``at`` items.
    ``positive`` lists the values of ``target`` that form the positive class of a two-class task;
    ``None`` leaves all classes. ``features`` of ``None`` takes every other modelled column but
    those in ``excluded`` (columns that are functions of the target, or known only later); these three are for classes.
    """

    name: str
    table: str
    target: str
    positive: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    description: str = ""
    kind: Literal["class", "next-item"] = "class"
    at: int = 10


class Domain(Protocol):
    """A domain, as the registry gives it."""

    name: str

    def schema(self, layout: str | None = None) -> Schema | None:
        """The schema of what :meth:`simulate` gives; ``None`` for a domain without a simulator.

        ``layout`` names one of those it has; ``None`` is the first. Raises ``ConfigurationError`` for another.
        """
        ...

    def prepare(self, corpus: Corpus) -> Corpus:
        """A corpus as its files gave it, brought into the form the domain learns from (an identity for most)."""
        ...

    def constraints(self, schema: Schema) -> Sequence[Constraint]:
        """What must hold in every corpus of that schema; those whose columns it lacks are left out."""
        ...

    def tasks(self, schema: Schema) -> Sequence[Task]:
        """The tasks that a corpus of that schema serves."""
        ...

    def simulate(self, units: int, *, seed: int, reporter: Reporter, layout: str | None = None) -> Corpus:
        """A first corpus from public knowledge; no records are needed."""
        ...
