"""Every error a user can meet, under one root.

::

    SimulacraError                    exit code
    ├── InputError                    2   what was given cannot be used
    │   ├── ConfigurationError        2   a key of a configuration file or an option
    │   ├── SchemaError               2   the declared knowledge contradicts itself
    │   ├── DataError                 2   records that cannot be read or break their schema
    │   │   └── ConditionError        2   what is given of a unit cannot occur, or next to never
    │   └── OutputError               2   a target that exists, or cannot be written
    ├── UndeclaredError               2   a private run needs a value that is neither declared nor paid for
    ├── TrainingDiverged              2   training left the numbers
    ├── GateRefused                   3   a release missed a declared threshold
    ├── BudgetRefused                 4   the privacy budget of a source does not allow the release
    └── VerificationFailed            6   a release is not as it was made, or not by whom it should be

A message says what was given, what is allowed and what to do, on one line.
"""

from __future__ import annotations

from typing import ClassVar


class SimulacraError(Exception):
    """Root of the tree. ``exit_code`` is what the command line returns."""

    exit_code: ClassVar[int] = 2


class InputError(SimulacraError):
    """What was given cannot be used."""


class ConfigurationError(InputError):
    """A key of a configuration file, or an option, has a value that is not allowed."""


class SchemaError(InputError):
    """The declared knowledge contradicts itself or names what does not exist."""


class DataError(InputError):
    """Records that cannot be read, or that break what their schema declares."""


class ConditionError(DataError):
    """What is given of a unit cannot occur, or is too improbable to be drawn. ``unit`` counts from 0."""

    def __init__(self, message: str, unit: int) -> None:
        super().__init__(message)
        self.unit = unit


class OutputError(InputError):
    """A target that exists already, or that cannot be written."""


class UndeclaredError(SimulacraError):
    """A private run needs a value that is neither declared nor paid for."""


class TrainingDiverged(SimulacraError):
    """Losses or parameters are no longer finite numbers."""


class GateRefused(SimulacraError):
    """A release missed a threshold that was declared before the run."""

    exit_code = 3


class BudgetRefused(SimulacraError):
    """The privacy budget of a source does not allow what was asked."""

    exit_code = 4


class VerificationFailed(SimulacraError):
    """A release is not as it was made, or not signed by whom it should be. ``file`` is the first one at fault."""

    exit_code = 6

    def __init__(self, file: str, says: str) -> None:
        super().__init__(f"{file}: {says}")
        self.file = file
