"""Texts for requests: what must stand in them is verified, and written again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.engines.encoded import Texts
from shared.engines.language.generation import Decoding
from shared.engines.language.tokenisers import ByteTokeniser
from shared.engines.language.writing import Request, faults, write
from shared.errors import ConfigurationError
from shared.training.reporter import SilentReporter


class Scripted:
    """An engine that says what a script holds for each prompt, one text a try."""

    def __init__(self, script: dict[str, list[str]]) -> None:
        self.tokeniser = ByteTokeniser()
        self.script = {prompt: iter(texts) for prompt, texts in script.items()}
        self.decodings: list[Decoding] = []

    def encoded(self, prompts, texts) -> Texts:
        return Texts.of([self.tokeniser.encode(p) for p in prompts], [[] for _ in texts], 257)

    def decoded(self, texts: Texts) -> list[str]:
        return [self.tokeniser.decode(texts.written(i).tolist()) for i in range(len(texts))]

    def sample(self, n, *, seed, given, decoding, constraint) -> Iterator[Texts]:
        self.decodings.append(decoding)
        prompts = [given.ids(i).tolist() for i in range(n)]
        texts = [self.tokeniser.encode(next(self.script[self.tokeniser.decode(prompt)])) for prompt in prompts]
        yield Texts.of(prompts, texts, 257)


def written(script, requests, *, tries=4, first=None):
    engine = Scripted(script)
    result = write(
        engine,
        requests,
        seed=1,
        decoding=first or Decoding(),
        retries=Decoding(temperature=0.9),
        tries=tries,
        reporter=SilentReporter(),
    )
    return engine, result


ROME = Request(prompt="city", slots={"city": "Rome"}, required=("please",))


def test_slots_are_filled_and_each_text_belongs_to_its_request():
    _, result = written(
        {"a": ["To [city] please"], "bbb": ["no slots"]},
        [Request(prompt="bbb"), Request(prompt="a", slots={"city": "Rome"})],
    )
    assert result.texts == ("no slots", "To Rome please")
    assert result.rates.kept_raw == result.rates.kept == 1
    assert result.rates.texts == 2


def test_what_is_not_right_is_written_again_and_the_rates_tell():
    engine, result = written(
        {"city": ["To Rome please", "[city]", "Go to [city], please"], "x": ["fine"]},
        [ROME, Request(prompt="x")],
        first=Decoding(temperature=0),
    )
    assert result.texts == ("Go to Rome, please", "fine")
    assert result.first == ("To Rome please", "fine")
    assert (result.rates.kept_raw, result.rates.kept, result.rates.given_up, result.rates.texts) == (0.5, 1, 0, 4)
    assert [decoding.temperature for decoding in engine.decodings] == [0, 0.9, 0.9]


def test_of_a_request_that_is_given_up_the_text_with_the_fewest_faults_is_kept():
    _, result = written({"city": ["[town]", "[city] or [town]", "x"]}, [ROME], tries=3)
    assert result.texts == ("Rome or",)
    assert result.verified == (False,)
    assert result.rates.given_up == 1


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        ("To [city] please", ()),
        ("To Rome please", ("city",)),
        ("To [city] in [country] please", ("country",)),
        ("To [city]", ("please",)),
        ("", ("city", "please")),
    ],
)
def test_faults_are_slots_that_lack_or_are_foreign_and_strings_that_are_missing(raw, wrong):
    assert faults(raw, ROME) == wrong


def test_a_value_that_slots_fill_counts_as_required():
    assert faults("In [city]", Request(prompt="", slots={"city": "Rome"}, required=("Rome",))) == ()


def test_trying_again_needs_a_temperature():
    with pytest.raises(ConfigurationError, match="above 0"):
        write(Scripted({}), [ROME], seed=1, decoding=Decoding(temperature=0), reporter=SilentReporter())


def test_nothing_asked_nothing_written():
    _, result = written({}, [])
    assert result.texts == ()
    assert result.rates.given_up == 0
