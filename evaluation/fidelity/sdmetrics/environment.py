"""Where SDMetrics is installed: in no environment of ours.

SDMetrics itself is free (MIT), but it needs pandas below 3, and the package copulas, which is under the Business
Source License. So the suite depends on neither: whoever wants the scores names an interpreter that has SDMetrics.
"""

from __future__ import annotations

import os
from pathlib import Path

from shared.errors import ConfigurationError

VARIABLE = "SIMULACRA_SDMETRICS"


def sdmetrics_python() -> Path | None:
    """The interpreter that ``SIMULACRA_SDMETRICS`` names, ``None`` if it is not set.

    Raises ``ConfigurationError`` where there is no such program.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    python = Path(named)
    if not python.is_file() or not os.access(python, os.X_OK):
        raise ConfigurationError(
            f"{VARIABLE} is {named!r}, which is no program; name the python of an environment that has sdmetrics, "
            "or unset it"
        )
    return python
