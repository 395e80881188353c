"""Any table with a schema: no constraints, no tasks of its own, no simulator."""

from __future__ import annotations

from collections.abc import Sequence

from domains.base.constraints import Constraint
from domains.base.contract import Task
from domains.base.unit_columns import settle
from shared.corpus.corpus import Corpus
from shared.corpus.schema import Schema
from shared.errors import ConfigurationError
from shared.training.reporter import Reporter


class PlainDomain:
    """Knows what the schema declares and nothing more; tasks come from the configuration."""

    name = "plain"

    def schema(self, layout: str | None = None) -> Schema | None:
        """None: there is nothing to simulate."""
        del layout
        return None

    def prepare(self, corpus: Corpus) -> Corpus:
        """The corpus as it is, but that what is declared ``of_unit`` is made one value a unit."""
        return settle(corpus)

    def constraints(self, schema: Schema) -> Sequence[Constraint]:
        """None beyond what the schema declares."""
        del schema
        return ()

    def tasks(self, schema: Schema) -> Sequence[Task]:
        """None; a configuration names them under ``tasks``."""
        del schema
        return ()

    def simulate(self, units: int, *, seed: int, reporter: Reporter, layout: str | None = None) -> Corpus:
        """Raises ``ConfigurationError``: a bare table has no public knowledge to simulate from."""
        del units, seed, reporter, layout
        raise ConfigurationError(
            "domain 'plain' has no simulator; give records under source.path, or name a domain that simulates, "
            "such as medical"
        )
