from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from domains.base import registry
from domains.base.registry import domain_named, domain_names
from shared.errors import ConfigurationError


def test_installed_domains_are_found_by_name() -> None:
    assert set(domain_names()) >= {"medical", "plain", "shop"}
    assert domain_named("medical").name == "medical"
    assert domain_named("plain").name == "plain"


def test_dash_and_underscore_and_case_are_equal_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("customer-service", "domains.plain:PlainDomain", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    for name in ("customer-service", "customer_service", "Customer-Service"):
        assert domain_named(name).name == "plain"


def test_unknown_domain_lists_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match=r"there is no domain 'astrology'; installed are .*medical.*plain"):
        domain_named("astrology")


def test_domain_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken", "no_such_package:Domain", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(ConfigurationError, match="'broken' is registered as no_such_package:Domain, which does not"):
        domain_named("broken")
