"""Marginals of encoded rows with differential privacy by unit: measured with noise, selected by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from privacy.budget.promise import MarginalNoise, Mechanisms
from privacy.noise import Noise
from shared.access.marginals import Candidate, MarginalQuestion, Measured, counted, scores
from shared.engines.encoded import Histories
from shared.errors import BudgetRefused, DataError


class PrivateMarginals:
    """Answers that are noisy, paid for, and given as often as was paid for.

    Formal guarantees
    -----------------
    Under add/remove of one unit with at most m = ``promise.rows`` rows, codes being a function of each row alone:

    * :meth:`singles`: one Gaussian mechanism on the counts of all c columns together. A unit moves each column's by
      at most m in L2 (all its rows in one cell), so the sensitivity is m·√c; the noise is ``singles_multiplier`` times
      that. Once.
    * :meth:`measure`: a Gaussian mechanism of sensitivity m and noise ``measure_multiplier``·m; at most
      ``workload.rounds`` times.
    * :meth:`select`: the exponential mechanism (McSherry and Talwar 2007) with ε = ``selection_epsilon``. A unit moves
      Σ|counts - expected| by at most m, hence a score by at most m times its weight, and Δ is m times the largest
      weight. The largest of ε/(2Δ)·score plus Gumbel noise is chosen; at most ``workload.rounds`` times.

    What is expected, weights, penalties and the choice of candidates must follow from earlier answers alone.
    Rounding is post-processing.
    """

    def __init__(self, rows_per_unit: NDArray[np.int64], mechanisms: Mechanisms, noise: Noise) -> None:
        self._rows_per_unit = rows_per_unit
        self._mechanisms = mechanisms
        self._noise = noise
        self._counted = False
        self._selected = self._measured = 0

    def rounds(self, preferred: int) -> int:
        """The calibrated number, whatever is preferred."""
        del preferred
        return self._mechanisms.workload.rounds

    @property
    def deviation(self) -> float:
        """That of the noise of :meth:`measure`."""
        return self._calibrated.measure_multiplier * self._mechanisms.promise.rows

    @property
    def _calibrated(self) -> MarginalNoise:
        noise = self._mechanisms.marginals
        if noise is None or min(noise.singles_multiplier, noise.selection_epsilon, noise.measure_multiplier) <= 0:
            raise BudgetRefused("no budget was set aside for marginals; calibrate a workload with rounds of them")
        return noise

    def singles(self, data: Histories) -> list[Measured]:
        """Noisy counts of every column, once."""
        self._check(data)
        calibrated = self._calibrated
        if self._counted:
            raise BudgetRefused("the marginals of single columns were measured already; asking twice would spend twice")
        self._counted = True
        columns = len(data.rows.sizes)
        deviation = calibrated.singles_multiplier * self._mechanisms.promise.rows * float(np.sqrt(columns))
        return [self._noisy(data, MarginalQuestion((column,)), deviation) for column in range(columns)]

    def select(self, data: Histories, candidates: Sequence[Candidate]) -> int:
        """The place of a candidate, one of a high score most likely."""
        self._check(data)
        epsilon = self._calibrated.selection_epsilon
        self._selected = self._paid("selections", self._selected)
        sensitivity = self._mechanisms.promise.rows * max((abs(c.weight) for c in candidates), default=1.0)
        logits = scores(data.rows, candidates) * (epsilon / (2 * sensitivity))
        return int(np.argmax(logits + self._noise.gumbel(len(logits))))

    def measure(self, data: Histories, question: MarginalQuestion) -> Measured:
        """Noisy counts of one marginal."""
        self._check(data)
        deviation = self.deviation
        self._measured = self._paid("marginals", self._measured)
        return self._noisy(data, question, deviation)

    def _noisy(self, data: Histories, question: MarginalQuestion, deviation: float) -> Measured:
        exact = counted(data.rows, question)
        return Measured(question, np.rint(exact + self._noise.gaussian(deviation, exact.shape)), deviation)

    def _paid(self, what: str, taken: int) -> int:
        rounds = self._mechanisms.workload.rounds
        if taken >= rounds:
            raise BudgetRefused(f"{rounds} {what} were paid for and are given out; declare more rounds before a run")
        return taken + 1

    def _check(self, data: Histories) -> None:
        """The rows must be those of the units that the access was made for, each unit within its cap."""
        if data.groups is not None or not np.array_equal(data.rows_per_unit, self._rows_per_unit):
            raise DataError("the encoded units are not those of this access; encode the data that it was made for")
