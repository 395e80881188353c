"""Environments of other tools, in which tests compare with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[1] / ".venv-peers"


@pytest.fixture(scope="session")
def sdv_python() -> Path:
    """The python of an environment that has SDV."""
    named = [os.environ.get("SIMULACRA_SDV", ""), str(PEERS / "sdv/bin/python")]
    found = next((Path(name) for name in named if name and Path(name).is_file()), None)
    if found is None:
        pytest.skip("no environment has SDV; make one with: benchmarks/make_peers.sh sdv")
    return found
