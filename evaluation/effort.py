"""How much work an evaluation may spend: caps, declared, and stated beside the scores they concern."""

from __future__ import annotations

from dataclasses import dataclass, fields

from shared.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Caps on rows and iterations. Above the caps the time of an evaluation no longer grows.

    ``rows``: of each part, as whole units drawn at random, that are looked at at all.
    ``training_rows`` and ``iterations``: of each classifier that measures utility; ``task_rows``: training
    rows of declared tasks, where one model alone decides and has to be steadier (if they are more);
    ``test_rows``: of the holdout, for each of them. ``two_sample_rows``: of either side of the two-sample test,
    ``two_sample_iterations``: of its classifier. ``queries``: synthetic rows whose nearest
    neighbours are sought; ``references``: rows among which they are sought; ``attacked_units``: members
    (and as many non-members) that the membership attacks and singling out try; ``linked_units`` and
    ``inferred_units``: the same for linkability and inference; ``secrets``: columns that are inferred.
    """

    rows: int = 250_000
    training_rows: int = 20_000
    task_rows: int = 60_000
    iterations: int = 50
    test_rows: int = 20_000
    two_sample_rows: int = 20_000
    two_sample_iterations: int = 100
    queries: int = 10_000
    references: int = 20_000
    attacked_units: int = 10_000
    linked_units: int = 5_000
    inferred_units: int = 5_000
    secrets: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ConfigurationError(
                    f"effort {field.name} is {getattr(self, field.name)}; give a whole number above 0"
                )
