"""Settings of the marginal engine, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from shared.engines.settings import configured
from shared.errors import ConfigurationError

Algorithm = Literal["mst", "aim"]


@dataclass(frozen=True, kw_only=True)
class MarginalConfig:
    """Settings of the marginal engine.

    ``algorithm`` is ``mst``, the maximum spanning tree of pairs (McKenna et al. 2021, arXiv:2108.04978), or ``aim``,
    which measures round by round what the model gets most wrong (McKenna et al. 2022, arXiv:2201.12677).

    ``rounds`` is how many marginals are selected and measured beside those of single columns: of ``mst`` at least the
    code columns less one, of ``aim`` as many as there are; 0 leaves it to the number of columns. It is declared, since
    a private run pays for all of them before it begins, so ``aim`` spends its budget in equal parts and not by what it
    sees. ``most_megabytes`` bounds the model of ``aim``; ``iterations`` those of each estimation.
    """

    algorithm: Algorithm = "mst"
    rounds: int = 0
    most_megabytes: float = 4.0
    iterations: int = 1000

    def __post_init__(self) -> None:
        if self.algorithm not in get_args(Algorithm):
            raise ConfigurationError(f"engine: algorithm is {self.algorithm!r}; it is mst or aim")
        if self.rounds < 0:
            raise ConfigurationError(f"engine: rounds is {self.rounds}; give 1 or more, or 0 for as many as it takes")
        if not 0 < self.most_megabytes <= 1024:
            raise ConfigurationError(f"engine: most_megabytes is {self.most_megabytes}; give up to 1024, such as 4")
        if self.iterations < 50:
            raise ConfigurationError(f"engine: iterations is {self.iterations}; give at least 50, such as 1000")

    @classmethod
    def with_settings(cls, settings: Mapping[str, object], *, private: bool) -> MarginalConfig:
        """The defaults changed by ``settings``, the same for a plain and a private run."""
        del private
        return configured(cls, "marginal", settings)

    def planned(self, columns: int) -> int:
        """How many rounds there are for so many columns."""
        return self.rounds or 2 * max(1, columns)
