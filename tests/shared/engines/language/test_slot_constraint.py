"""Placeholders by construction: whatever the model, a text that ends has its slots and no others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shared.engines.language.generation import Decoding
from shared.engines.language.slot_constraint import SlotConstraint, Spelling
from shared.engines.language.slots import placeholders
from shared.engines.language.tokenisers import ByteTokeniser
from shared.engines.language.writing import Request, write
from shared.training.reporter import SilentReporter

SLOTS = ("city", "city_2", "day")


def allowed_after(text: str, slots=SLOTS) -> np.ndarray:
    constraint = SlotConstraint(slots, Spelling(ByteTokeniser()))
    for byte in text.encode():
        assert constraint.allowed()[byte]
        constraint.advance(byte)
    return constraint.allowed()


def test_the_end_is_closed_until_all_slots_stand():
    end = ByteTokeniser.end
    assert not allowed_after("")[end]
    assert not allowed_after("[city] on [day]")[end]
    assert allowed_after("[city] on [day] to [city_2]")[end]
    assert allowed_after("", ())[end]


def test_an_open_bracket_spells_a_slot():
    assert set(np.flatnonzero(allowed_after("to ["))) == {ord("c"), ord("d")}
    assert set(np.flatnonzero(allowed_after("to [city"))) == {ord("_"), ord("]")}
    assert set(np.flatnonzero(allowed_after("to [d"))) == {ord("a")}


def test_without_slots_no_bracket_opens():
    assert not allowed_after("hello", ())[ord("[")]


@pytest.mark.parametrize(("network", "public"), [("lstm", False), ("transformer", False), ("transformer", True)])
def test_no_text_of_any_tokeniser_ends_without_its_slots(engine_of, llama, network, public):
    settings = {"tokeniser": str(llama)} if public else {}
    engine = engine_of(network, layers=1, most_tokens=120, seed=4, **settings)
    spelling = Spelling(engine.tokeniser)
    with torch.no_grad():  # a model that likes brackets and ends
        engine.network.head.bias[[*spelling.tokens[b"["], engine.tokeniser.end]] += 4.0
    given = engine.encoded(["x"] * 12, [""] * 12)
    ended = 0
    for batch in engine.sample(
        12,
        seed=1,
        given=given,
        decoding=Decoding(most_new=110),
        constraint=lambda _: SlotConstraint(("a", "ab"), spelling),
    ):
        for text in range(len(batch)):
            stand = placeholders(engine.tokeniser.decode(batch.written(text).tolist()))
            assert set(stand) <= {"a", "ab"}
            if batch.written(text)[-1] == engine.tokeniser.end:
                ended += 1
                assert set(stand) == {"a", "ab"}
    assert ended > 6


def test_pieces_that_hold_more_than_a_bracket_are_judged_whole():
    class Pieces(ByteTokeniser):
        size = 7
        end = 6
        pieces = [b" [c", b"[x", b"ity", b"] and", b"][", b"]", b""]  # noqa: RUF012

    constraint = SlotConstraint(("city",), Spelling(Pieces()))
    assert np.flatnonzero(constraint.allowed()).tolist() == [0, 2, 3, 4, 5]  # [x begins no slot, and the end is closed
    constraint.advance(0)
    assert np.flatnonzero(constraint.allowed()).tolist() == [2]
    constraint.advance(2)
    assert np.flatnonzero(constraint.allowed()).tolist() == [3, 5]
    constraint.advance(3)
    assert constraint.allowed()[6]


def test_texts_that_are_written_again_are_held_to_their_slots(engine_of):
    """A model that knows nothing: unheld it hardly ever says a slot."""
    engine = engine_of("lstm", layers=1, most_tokens=200, hidden=8)
    requests = [Request(prompt="x", slots={"a": "Rome"})] * 6
    settings = {"seed": 1, "decoding": Decoding(most_new=190), "reporter": SilentReporter(), "tries": 6}
    free = write(engine, requests, held=False, **settings)
    held = write(engine, requests, **settings)
    assert free.rates.kept < 0.5
    assert held.rates.kept > 0.8
    assert all("Rome" in text for text, good in zip(held.texts, held.verified, strict=True) if good)
