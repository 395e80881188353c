"""The domains that are installed, found through entry points so that a team can add its own.

A package adds a domain by naming a class that fulfils :class:`domains.base.contract.Domain` under
``[project.entry-points."simulacra.domains"]`` in its ``pyproject.toml``.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from domains.base.contract import Domain
from shared.errors import ConfigurationError

GROUP = "simulacra.domains"


def domain_names() -> tuple[str, ...]:
    """Names of the installed domains, sorted."""
    return tuple(sorted(_registered()))


def domain_named(name: str) -> Domain:
    """The domain of that name; ``-`` and ``_`` are equal in names.

    Raises ``ConfigurationError`` if there is none of that name, or if its package does not load.
    """
    registered = _registered()
    found = registered.get(_plain(name))
    if found is None:
        raise ConfigurationError(f"there is no domain {name!r}; installed are {', '.join(sorted(registered))}")
    try:
        domain = found.load()()
    except ImportError as error:
        raise ConfigurationError(
            f"domain {name!r} is registered as {found.value}, which does not load ({error}); "
            "install what its package needs, or remove the package"
        ) from error
    return cast(Domain, domain)


def _registered() -> dict[str, EntryPoint]:
    return {_plain(point.name): point for point in entry_points(group=GROUP)}


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")
