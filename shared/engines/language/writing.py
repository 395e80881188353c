"""Texts for structured fields: rendered as a prompt, generated, filled, verified, and written again if need be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from shared.engines.language.engine import LanguageEngine
from shared.engines.language.generation import Constraint, Decoding
from shared.engines.language.slot_constraint import SlotConstraint, Spelling
from shared.engines.language.slots import filled, missing, placeholders
from shared.errors import ConfigurationError
from shared.randomness import derive
from shared.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one text is for.

    ``prompt`` is the rendering of the structured fields, as the engine was trained on; ``slots`` maps the slots whose
    placeholders the prompt asks for to the values they are filled with. Each of ``required`` must stand in the text
    that is filled, besides all placeholders of ``slots``.
    """

    prompt: str
    slots: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Shares of the requests: whose first text held all that is required, whose last did, and whose never did.

    ``texts`` counts what was generated in all.
    """

    kept_raw: float
    kept: float
    given_up: float
    texts: int


@dataclass(frozen=True, kw_only=True)
class Written:
    """``texts`` for the requests, in their order; ``first`` are the raw ones, before anything was verified."""

    texts: tuple[str, ...]
    first: tuple[str, ...]
    verified: tuple[bool, ...]
    rates: Rates


def faults(raw: str, request: Request) -> tuple[str, ...]:
    """What is wrong with a text before it is filled: slots that it lacks or was not given, required strings missing."""
    stand = placeholders(raw)
    lacking = [slot for slot in request.slots if slot not in stand]
    foreign = [slot for slot in stand if slot not in request.slots]
    return (*lacking, *foreign, *missing(filled(raw, request.slots), request.required))


def write(
    engine: LanguageEngine,
    requests: Sequence[Request],
    *,
    seed: int,
    decoding: Decoding,
    reporter: Reporter,
    retries: Decoding | None = None,
    tries: int = 8,
    held: bool = True,
) -> Written:
    """A text for each request; what is not right is generated again, up to ``tries`` times in all.

    ``decoding`` is that of the first try, ``retries`` of the others (by default the same; a greedy one needs another,
    since it would only repeat itself). Texts that are written again are ``held`` to their slots
    (:mod:`shared.engines.language.slot_constraint`): a model that missed a slot tends to miss it again. Of a request
    that is given up the text with the fewest faults is kept;
    placeholders that nothing fills are taken out of it.
    """
    again = decoding if retries is None else retries
    if tries < 1 or (tries > 1 and again.temperature == 0):
        raise ConfigurationError(f"{tries} tries at temperature {again.temperature}; trying again needs one above 0")
    best: list[tuple[int, str]] = [(1 << 30, "") for _ in requests]
    first: list[str] = []
    waiting, count = list(range(len(requests))), 0
    spelling: Spelling | None = None
    with reporter.stage("writing texts", len(requests)) as stage:
        for attempt in range(tries):
            if not waiting:
                break
            if attempt == 1 and held and any(requests[i].slots for i in waiting):
                spelling = Spelling(engine.tokeniser)
            how = again if attempt else decoding
            raws = _generated(engine, [requests[i] for i in waiting], derive(seed, "try", attempt), how, spelling)
            count += len(raws)
            for place, raw in zip(waiting, raws, strict=True):
                wrong = len(faults(raw, requests[place]))
                best[place] = min(best[place], (wrong, raw), key=lambda pair: pair[0])
            if attempt == 0:
                first = [_whole(raw, request) for raw, request in zip(raws, requests, strict=True)]
                raw_kept = sum(wrong == 0 for wrong, _ in best)
            still = [place for place in waiting if best[place][0]]
            stage.advance(len(waiting) - len(still))
            waiting = still
    total = max(1, len(requests))
    return Written(
        texts=tuple(_whole(raw, request) for (_, raw), request in zip(best, requests, strict=True)),
        first=tuple(first),
        verified=tuple(wrong == 0 for wrong, _ in best),
        rates=Rates(
            kept_raw=(raw_kept if requests else 0) / total,
            kept=(len(requests) - len(waiting)) / total,
            given_up=len(waiting) / total,
            texts=count,
        ),
    )


def _generated(
    engine: LanguageEngine, requests: Sequence[Request], seed: int, decoding: Decoding, spelling: Spelling | None
) -> list[str]:
    """Raw texts, generated in an order of like prompts so that little is padded; held to slots with a ``spelling``."""
    order = sorted(range(len(requests)), key=lambda i: (len(requests[i].prompt), i))
    given = engine.encoded([requests[i].prompt for i in order], [""] * len(order))
    raws = [""] * len(order)
    constraint = None
    if spelling is not None:
        slots = [tuple(requests[i].slots) for i in order]
        constraint = partial(_held, slots, spelling)
    texts = (
        text
        for batch in engine.sample(len(order), seed=seed, given=given, decoding=decoding, constraint=constraint)
        for text in engine.decoded(batch)
    )
    for place, text in zip(order, texts, strict=True):
        raws[place] = text.strip()
    return raws


def _held(slots: Sequence[Sequence[str]], spelling: Spelling, text: int) -> Constraint:
    return SlotConstraint(slots[text], spelling)


def _whole(raw: str, request: Request) -> str:
    """Filled, without placeholders that nothing fills."""
    text = filled(raw, request.slots)
    for slot in placeholders(text):
        text = text.replace(f"[{slot}]", "")
    return " ".join(text.split())
