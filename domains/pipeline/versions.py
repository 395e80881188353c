"""Which versions made a release."""

from __future__ import annotations

import platform
from importlib.metadata import version

SUITE = "simulacra"
_NAMED = ("simulacra", "torch", "numpy", "pandas", "pyarrow", "scikit-learn", "dp-accounting")


def suite_version() -> str:
    """The installed version of the suite."""
    return version(SUITE)


def versions() -> dict[str, str]:
    """Versions of the suite, of Python and of the libraries that results depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _NAMED}}
