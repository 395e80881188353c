"""Databases for tests of the corpus."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def database(request, tmp_path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"{request.param}:///{tmp_path}/hospital.{request.param}"
