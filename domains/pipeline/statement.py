"""The privacy statement of a release, in plain words (``privacy.md``) and for machines (``privacy.json``).

Both follow from the manifest and the extract of the ledger alone, and the words from the facts of ``privacy.json``, so
that the two cannot differ. A release without a promise has one too, which says outright that nothing is promised.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from domains.pipeline.manifest import LEARNED_CLEANING, VERDICT_NOTE, Manifest
from privacy.budget.extract import Extract

STATEMENT = "privacy.md"
FACTS = "privacy.json"
FORMAT = "simulacra-privacy/1"
# What of a configuration somebody declared, so that it is public and free.
_DECLARED = ("unit", "units_about", "holdout", "privacy", "sample", "gate", "schema")
_NONE = (
    "There is no privacy promise: the model was trained without differential privacy.",
    "Attacks on the release were tried before publication, but attacks that fail prove nothing about the next one.",
    "Treat these data under the rules of the records they imitate.",
)
_NOT_COVERED = {
    "verdict": VERDICT_NOTE,
    "population": "What follows from the population may be inferred for a person who never was in the data; the "
    "promise bounds what presence in the data adds.",
    "other_units": "Whoever is not the unit that is named is protected less, such as a patient with several "
    "encounters where the unit is the encounter.",
    "declarations": "What was declared is taken for public knowledge. Bounds, categories or numbers that were copied "
    "from the records without a mark are not covered.",
    "failures": "That a run failed or was not published (its charge still stands in `ledger.json`), how long it took "
    "and what else the machine shows while it runs are not covered.",
    "arithmetic": "Noise is drawn in floating point. Counts are rounded to whole numbers after the noise, gradients "
    "are not.",
    "internal": "Report, scores and training curves are computed on real records. They are not part of what is "
    "published.",
}
_MECHANISMS = {
    "poisson_sampled_gaussian": "training: {steps:,} noisy sums over units drawn with probability {rate:.4g} each, "
    "noise multiplier {multiplier:.4g}",
    "gaussian": "noisy counts: Gaussian noise with multiplier {multiplier:.4g}, {count:,} time(s)",
    "laplace": "categories that were not declared: Laplace noise with parameter {parameter:.4g}, {count:,} time(s)",
    "epsilon_delta": "a mechanism with ε = {epsilon:.4g} and δ = {delta:.3g}, {count:,} time(s)",
}


def privacy_facts(manifest: Manifest, extract: Extract | None) -> dict[str, Any]:
    """What ``privacy.json`` says. ``extract`` is that of the ledger; a release without a promise has none."""
    promise = manifest.promise
    facts: dict[str, Any] = {
        "format": FORMAT,
        "synthetic": True,
        "release": manifest.release,
        "created": manifest.created,
        "source": manifest.source,
        "promise": "none",
        "wording": list(_NONE),
        "declared": {name: manifest.configuration[name] for name in _DECLARED if name in manifest.configuration},
        "not_covered": [{"what": "everything", "says": _NONE[0]}],
        "budget": None,
    }
    if promise is None:
        return facts
    said = {**_NOT_COVERED, **({"learned_cleaning": LEARNED_CLEANING} if promise.learned_cleaning else {})}
    facts |= {
        "promise": {
            "definition": "(epsilon, delta)-differential privacy",
            "epsilon": promise.epsilon,
            "delta": promise.delta,
            "unit": promise.unit,
            "relation": promise.relation,
            "mechanisms": list(promise.mechanisms),
        },
        "wording": list(_wording(promise.epsilon, promise.delta, promise.unit, promise.relation)),
        "not_covered": [{"what": name, "says": says} for name, says in said.items()],
    }
    if extract is not None:
        facts["budget"] = {
            "spent": extract.spent,
            "cap": extract.cap.epsilon,
            "delta": extract.cap.delta,
            "charges": len(extract.charges),
            "related_sources_count": extract.related,
        }
    return facts


def facts_json(facts: Mapping[str, Any]) -> str:
    """The text of ``privacy.json``: sorted keys, so that equal facts are equal files."""
    return json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def statement(facts: Mapping[str, Any]) -> str:
    """The text of ``privacy.md``, from the facts of ``privacy.json``."""
    promise = facts["promise"]
    lines = [
        "# Privacy statement\n",
        f"Release `{facts['release']}` of source `{facts['source']}`, made {facts['created']}. `{FACTS}` says the same "
        "for machines; `simulacra verify` checks it against the manifest, offline.\n",
        "## What is promised\n",
        *(f"{'**' + said + '**' if place == 0 else said}\n" for place, said in enumerate(facts["wording"])),
    ]
    if promise == "none":
        return "\n".join(lines)
    lines += [
        "| | |\n|---|---|",
        f"| unit of privacy | {_cell(promise['unit'])} |",
        f"| neighbouring data | {_cell(promise['relation'])} |",
        f"| ε | {promise['epsilon']:g} |",
        f"| δ | {promise['delta']:g} |",
        "\n## How it is kept\n",
        "These mechanisms touched the records, each with noise from fresh entropy; one accountant composes them:\n",
        *(f"- {_mechanism(event)}" for event in promise["mechanisms"]),
        "\n## What the source has spent\n",
        _budget(facts["budget"]),
        "## What was declared\n",
        "Declared values are public knowledge by somebody's word, and cost nothing:\n",
        *(f"- `{name}`: `{_cell(json.dumps(value, ensure_ascii=False))}`" for name, value in facts["declared"].items()),
        "\n## What is not covered\n",
        *(f"- {entry['says']}" for entry in facts["not_covered"]),
    ]
    return "\n".join(lines) + "\n"


def _wording(epsilon: float, delta: float, unit: str, relation: str) -> tuple[str, ...]:
    return (
        f"This release satisfies ({epsilon:g}, {delta:g})-differential privacy by {_cell(unit)} ({relation}).",
        f"Whether or not one {_cell(unit)}, with all its rows, was among the records changes the probability of "
        f"anything that this release could have said by a factor of at most e^{epsilon:g}, but for a chance of "
        f"{delta:g}. This holds whatever else somebody knows, and whatever is computed from the release later.",
        "It covers all that the records could influence here, with the exceptions under *What is not covered*. The "
        "promises of several releases of one source add up.",
    )


def _mechanism(event: Mapping[str, Any]) -> str:
    shape = _MECHANISMS.get(str(event.get("kind")))
    return shape.format(**event) if shape else _cell(json.dumps(event, ensure_ascii=False))


def _budget(budget: Mapping[str, Any] | None) -> str:
    if budget is None:
        return "It is not said: this release has no extract of the ledger.\n"
    times = "one charge" if budget["charges"] == 1 else f"{budget['charges']} charges"
    related = " Charges of related sources, which are parts of the same body of records, count in it too."
    return (
        f"ε = {budget['spent']:.4g} of at most {budget['cap']:g}, at δ = {budget['delta']:g}, over all its releases up "
        f"to this one ({times}, see `ledger.json`).{related if budget['related_sources_count'] else ''}\n"
    )


def _cell(text: str) -> str:
    """Declared text on one line, without what would break a table or a code span."""
    return " ".join(text.replace("`", " ").replace("|", " ").split())
