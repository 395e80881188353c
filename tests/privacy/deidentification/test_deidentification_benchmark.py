"""The benchmark's own judgement: finding nothing fails, finding what was planted passes, taking all is no precision."""

from __future__ import annotations

from benchmarks.deidentification.__main__ import Counts, judge
from benchmarks.deidentification.planting import STRUCTURED, Planter
from privacy.deidentification import Span

TEXT = "The patient came in. She felt well. Nothing else was said."


def test_what_is_planted_stands_where_it_is_said_to() -> None:
    planter = Planter([3])
    for kind in ("name", *STRUCTURED):
        planted = planter.plant(TEXT, [kind, "phone"])
        for span in planted.spans:
            assert any(start <= span.start and span.end <= end for start, end in planted.carriers)
            assert planted.text[span.start : span.end].strip()


def test_targets_are_missed_by_nothing_and_by_everything_and_met_by_the_truth() -> None:
    planted = Planter([1]).plant(TEXT, ["name", "phone"])
    none, truth, everything = Counts(), Counts(), Counts()
    judge(planted, [], none)
    judge(planted, list(planted.spans), truth)
    words = [Span(place, place + 1, "name") for place in range(len(planted.text))]
    judge(planted, words, everything)
    assert len(none.missed()) == 3
    assert truth.missed() == []
    assert [line.split(" 0.")[0] for line in everything.missed()] == ["strict precision"]
