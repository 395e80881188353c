"""Licences that the hub and SPDX know, by how they are written in a schema's ``licence``."""

from __future__ import annotations

_SPDX = (
    "Apache-2.0",
    "MIT",
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "ODbL-1.0",
    "PDDL-1.0",
    "BSD-3-Clause",
)
_HUB = {"odbl-1.0": "odbl", "pddl-1.0": "pddl"}


def hub_licence(text: str) -> str:
    """The hub's identifier: ``other`` for a licence that it does not know, ``unknown`` for none."""
    written = text.strip().lower()
    if not written:
        return "unknown"
    known = {_HUB.get(name.lower(), name.lower()) for name in _SPDX}
    identifier = _HUB.get(written, written)
    return identifier if identifier in known else "other"


def licence_url(text: str) -> str | None:
    """Where SPDX has the text of a licence that it knows."""
    written = text.strip().lower()
    for name in _SPDX:
        if written in (name.lower(), _HUB.get(name.lower())):
            return f"https://spdx.org/licenses/{name}.html"
    return None
