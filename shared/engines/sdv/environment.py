"""Where SDV is installed: in no environment of ours."""

from __future__ import annotations

import os
from pathlib import Path

from shared.errors import ConfigurationError

VARIABLE = "SIMULACRA_SDV"


def sdv_python() -> Path:
    """The interpreter that ``SIMULACRA_SDV`` names.

    Raises ``ConfigurationError`` where it is not set, or there is no such program.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        raise ConfigurationError(
            f"an engine of SDV runs in an environment of its own; name the python of one that has sdv in {VARIABLE} "
            "(see docs/sdv.md)"
        )
    python = Path(named)
    if not python.is_file() or not os.access(python, os.X_OK):
        raise ConfigurationError(f"{VARIABLE} is {named!r}, which is no program; name a python that has sdv")
    return python
