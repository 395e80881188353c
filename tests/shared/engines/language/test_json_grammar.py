"""JSON of a declared form: whatever the model, every text parses and fits."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.engines.language.generation import Decoding
from shared.engines.language.json_grammar import (
    Array,
    Boolean,
    Choice,
    JsonGrammar,
    Number,
    Object,
    String,
    expression,
    fits,
    longest,
)
from shared.errors import ConfigurationError

names = st.text(st.characters(codec="utf-8", exclude_characters="\x7f", min_codepoint=0x20), min_size=1, max_size=4)
leaves = st.one_of(
    st.builds(String, st.integers(0, 8)),
    st.builds(Choice, st.lists(names, min_size=1, max_size=3).map(tuple)),
    st.builds(Number, st.integers(1, 4), st.integers(0, 2), st.booleans()),
    st.just(Boolean()),
)


def objects(inner):
    fields = st.dictionaries(names, inner, min_size=1, max_size=3).map(lambda found: tuple(found.items()))
    return fields.flatmap(
        lambda chosen: st.builds(
            Object, st.just(chosen), st.sets(st.sampled_from([n for n, _ in chosen])).map(frozenset)
        )
    )


forms = st.recursive(
    leaves, lambda inner: st.one_of(objects(inner), st.builds(Array, inner, st.integers(1, 3))), max_leaves=4
)


@pytest.mark.parametrize("network", ["lstm", "pretrained"])
def test_every_text_of_an_untrained_model_parses_and_fits(engine_of, network):
    engine = engine_of(network, most_tokens=700, layers=1)

    @given(forms, st.integers(0, 99), st.sampled_from([0.0, 1.0, 3.0]))
    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def holds(form, seed, temperature):
        grammar = JsonGrammar(form, engine.tokeniser)
        if grammar.most_new > 300:
            return
        decoding = Decoding(temperature=temperature, most_new=grammar.most_new)
        prompts = engine.encoded(["x"] * 3, [""] * 3)
        for batch in engine.sample(3, seed=seed, given=prompts, decoding=decoding, constraint=grammar.constraint):
            for text in engine.decoded(batch):
                assert fits(form, json.loads(text))
                assert len(text.encode()) <= longest(form)

    holds()


def values_of(form):
    """Values that fit, made without the grammar."""
    match form:
        case String(most):
            return st.text(st.characters(codec="utf-8", exclude_characters="\x7f", min_codepoint=0x20), max_size=most)
        case Choice(values):
            return st.sampled_from(values)
        case Number(digits, _, negative):
            return st.integers(-(10**digits) + 1 if negative else 0, 10**digits - 1)
        case Boolean():
            return st.booleans()
        case Array(item, most, least):
            return st.lists(values_of(item), min_size=least, max_size=most)
        case Object(fields, _):
            return st.tuples(*(values_of(f) for _, f in fields)).map(
                lambda values: dict(zip((n for n, _ in fields), values, strict=True))
            )


@given(forms.flatmap(lambda form: st.tuples(st.just(form), values_of(form))))
@settings(max_examples=60, deadline=None)
def test_everything_that_fits_is_allowed(pair):
    form, value = pair
    assert fits(form, value)
    assert re.fullmatch(expression(form), json.dumps(value, ensure_ascii=False))


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (String(2), "abc"),
        (String(2), 3),
        (Choice(("a",)), "b"),
        (Number(2), 100),
        (Number(2), 1.5),
        (Number(2), True),
        (Number(2, negative=False), -1),
        (Boolean(), 1),
        (Array(Boolean(), most=1), [True, True]),
        (Array(Boolean(), most=2, least=1), []),
        (Object((("a", Boolean()),)), {"a": None}),
        (Object((("a", Boolean()), ("b", Boolean()))), {"b": True, "a": True}),
        (Object((("a", Boolean()),)), {"a": True, "b": 1}),
    ],
)
def test_what_does_not_fit_is_neither_taken_for_fitting_nor_allowed(form, value):
    assert not fits(form, value)
    assert not re.fullmatch(expression(form), json.dumps(value))


def test_a_field_that_may_be_null_is():
    form = Object((("a", Boolean()),), frozenset({"a"}))
    assert fits(form, {"a": None})
    assert re.fullmatch(expression(form), '{"a": null}')


def test_forms_that_cannot_be_are_refused():
    with pytest.raises(ConfigurationError, match="no values"):
        Choice(())
    with pytest.raises(ConfigurationError, match="each once"):
        Object((("a", Boolean()), ("a", Boolean())))
    with pytest.raises(ConfigurationError, match="between 1 and 10000"):
        Array(Boolean(), most=0)


def test_a_text_that_could_be_cut_short_is_refused(engine_of):
    engine = engine_of("lstm")
    grammar = JsonGrammar(String(100), engine.tokeniser)
    with pytest.raises(ConfigurationError, match="most_tokens is 64"):
        next(
            engine.sample(
                1,
                seed=1,
                given=engine.encoded(["x"], [""]),
                decoding=Decoding(most_new=grammar.most_new),
                constraint=grammar.constraint,
            )
        )
