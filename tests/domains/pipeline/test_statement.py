"""The privacy statement says what the manifest and the ledger say, in words and for machines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from domains.pipeline.manifest import read_manifest
from domains.pipeline.statement import facts_json, privacy_facts, statement
from privacy.budget.extract import read_extract
from tests.domains.pipeline.releases import manifest
from tests.domains.pipeline.signed import signed_bundle


@pytest.fixture(scope="module")
def public(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("statement")
    return signed_bundle(folder / "bundle", ledger=folder / "ledger.sqlite") / "public"


def test_a_bundle_has_the_statement_of_its_manifest_and_its_extract(public):
    facts = privacy_facts(read_manifest(public), read_extract((public / "ledger.json").read_text()))
    assert (public / "privacy.json").read_text() == facts_json(facts)
    assert (public / "privacy.md").read_text() == statement(facts)


def test_a_machine_reads_promise_budget_and_what_is_declared(public):
    facts = json.loads((public / "privacy.json").read_text())
    promise = facts["promise"]
    assert (promise["epsilon"], promise["delta"], promise["unit"]) == (3.0, 1e-6, "patient")
    assert promise["relation"] == "add-or-remove-one-unit"
    assert [event["kind"] for event in promise["mechanisms"]] == ["gaussian", "poisson_sampled_gaussian"]
    assert facts["budget"].items() >= {"cap": 10.0, "delta": 1e-6, "charges": 1, "related_sources_count": False}.items()
    assert 0 < facts["budget"]["spent"] < 10
    assert facts["declared"] == {"holdout": {"fraction": 0.2}}
    assert {entry["what"] for entry in facts["not_covered"]} >= {"verdict", "population", "declarations", "failures"}


def test_a_steward_reads_the_same_in_words(public):
    text = (public / "privacy.md").read_text()
    for part in (
        "(3, 1e-06)-differential privacy by patient (add-or-remove-one-unit)",
        "at most e^3, but for a chance of 1e-06",
        "training: 100 noisy sums over units drawn with probability 0.01 each, noise multiplier 2",
        "of at most 10, at δ = 1e-06",
        "one charge",
        "`holdout`",
        "its one bit is not part of the privacy accounting",
    ):
        assert part in text


def test_without_a_promise_it_says_outright_that_there_is_none():
    facts = privacy_facts(manifest(promise=None), None)
    assert (facts["promise"], facts["budget"]) == ("none", None)
    text = statement(facts)
    assert "**There is no privacy promise" in text
    assert "differential privacy by" not in text
    assert "e^" not in text


def test_learned_cleaning_and_related_sources_are_said(public):
    made = read_manifest(public)
    extract = replace(read_extract((public / "ledger.json").read_text()), related=True)
    facts = privacy_facts(replace(made, promise=replace(made.promise, learned_cleaning=True)), extract)
    assert "learned_cleaning" in {entry["what"] for entry in facts["not_covered"]}
    assert "rules that may have been learned" in statement(facts)
    assert "Charges of related sources" in statement(facts)


def test_declared_text_cannot_break_out_of_its_line(public):
    made = read_manifest(public)
    odd = replace(made, promise=replace(made.promise, unit="a |\n# b `c`"), configuration={"unit": "x`\n# y"})
    text = statement(privacy_facts(odd, read_extract((public / "ledger.json").read_text())))
    assert "\n# b" not in text
    assert "\n# y" not in text
