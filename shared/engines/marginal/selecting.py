"""Which marginals are measured: MST and AIM. Every look at records is one of the access's mechanisms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from shared.access.marginals import Candidate, MarginalQuestion, Marginals, Measured
from shared.engines.encoded import Histories
from shared.engines.marginal.config import MarginalConfig
from shared.engines.marginal.estimation import Estimate, estimate, pairs
from shared.errors import ConfigurationError
from shared.training.reporter import Stage


@dataclass(frozen=True, eq=False)
class Selecting:
    """Selects and measures through the marginals of an access, and estimates a model."""

    settings: MarginalConfig
    marginals: Marginals
    data: Histories
    stage: Stage

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.data.rows.sizes

    def run(self, rounds: int) -> tuple[Estimate, list[Measured]]:
        """The model and what was measured."""
        measured = self.marginals.singles(self.data)
        model = self._estimate(measured)
        if len(self.sizes) < 2:
            return model, measured
        return (
            self._mst(model, measured, rounds)
            if self.settings.algorithm == "mst"
            else self._aim(model, measured, rounds)
        )

    def _mst(self, model: Estimate, measured: list[Measured], rounds: int) -> tuple[Estimate, list[Measured]]:
        """A spanning tree of pairs (arXiv:2108.04978, section 4): each edge joins two trees that were not joined.

        Selected are the pairs that independent columns get most wrong; then all of them are measured.
        """
        edges = len(self.sizes) - 1
        if rounds < edges:
            raise ConfigurationError(
                f"engine marginal: rounds is {rounds}, but {len(self.sizes)} code columns need {edges}; declare "
                f"rounds: {edges}"
            )
        candidates = {pair: Candidate(MarginalQuestion(pair), model.expected(pair)) for pair in pairs(len(self.sizes))}
        tree_of = list(range(len(self.sizes)))
        chosen = []
        for _ in range(edges):
            open_ = [pair for pair in candidates if tree_of[pair[0]] != tree_of[pair[1]]]
            place = self.marginals.select(self.data, [candidates[pair] for pair in open_])
            one, other = open_[place]
            joined, gone = tree_of[one], tree_of[other]
            tree_of = [joined if tree == gone else tree for tree in tree_of]
            chosen.append(open_[place])
            self.stage.advance()
        measured = measured + [self.marginals.measure(self.data, MarginalQuestion(pair)) for pair in chosen]
        return self._estimate(measured, model), measured

    def _aim(self, model: Estimate, measured: list[Measured], rounds: int) -> tuple[Estimate, list[Measured]]:
        """What the model gets most wrong, round by round (arXiv:2201.12677, algorithm 1), in rounds of equal noise.

        The workload is all pairs, so they weigh alike; a pair's error counts beyond what noise alone would leave. It
        ends early if every pair is measured or would make the model too large.
        """
        noise = math.sqrt(2 / math.pi) * self.marginals.deviation
        for number in range(rounds):
            limit = self.settings.most_megabytes * (number + 1) / rounds
            known = {one.question.columns for one in measured}
            open_ = [pair for pair in pairs(len(self.sizes)) if pair not in known and model.megabytes([pair]) <= limit]
            if not open_:
                break
            candidates = list(self._candidates(model, open_, noise))
            pair = open_[self.marginals.select(self.data, candidates)]
            measured = [*measured, self.marginals.measure(self.data, MarginalQuestion(pair))]
            model = self._estimate(measured, model)
            self.stage.advance()
        return model, measured

    def _candidates(self, model: Estimate, open_: list[tuple[int, int]], noise: float) -> Iterator[Candidate]:
        for pair in open_:
            expected = model.expected(pair)
            yield Candidate(MarginalQuestion(pair), expected, penalty=noise * expected.size)

    def _estimate(self, measured: list[Measured], start: Estimate | None = None) -> Estimate:
        return estimate(self.sizes, measured, iterations=self.settings.iterations, start=start)
