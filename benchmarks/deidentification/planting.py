"""Identifiers planted between the sentences of real texts. Nothing here looks at how they are found.

Names come from locales of faker that the gazetteers leave out; numbers from faker's own providers or drawn here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from faker import Faker

from privacy.deidentification.gazetteers import HELD_OUT, names_of
from privacy.deidentification.spans import Span

CARRIERS: dict[str, tuple[str, ...]] = {
    "name": ("{} is waiting in the lobby.", "Give the keys to {}, please.", "We went with {} last time.",
             "It was {} who paid.",
             "I spoke to {} about it.", "{} will pick it up.", "Please tell {} I called.",
             "This was signed off by {}."),
    "phone": ("You can reach me at {}.", "Call {} after five.", "cell {}", "My number is {} if that helps."),
    "fax": ("Please fax it to {}.", "Our fax: {}."),
    "email": ("Write to {} instead.", "e-mail {}", "Send the papers to {}, please."),
    "ssn": ("Her social is {}.", "SSN {} on file.", "The number on the card was {}."),
    "record": ("MRN {}.", "The medical record number is {}.", "See chart #{}."),
    "plan": ("Member ID {}.", "My health plan number is {}.", "Insurance policy no. {} applies."),
    "account": ("Wire it to account {}.", "My acct is {}.", "Please debit account number {}."),
    "licence": ("Driver's license {}.", "My driver license number is {}.", "Passport {}."),
    "vehicle": ("The VIN is {}.", "They drove {}."),
    "device": ("Serial number {}.", "The pacemaker has serial no. {}."),
    "url": ("See {} for it.", "It is all on {}.", "({})"),
    "ip": ("The login came from {}.", "IP {}"),
    "card": ("Charge {} please.", "My card is {}.", "Visa {}"),
    "order": ("Order {} never came.", "My order number is {}.", "The confirmation code is {}."),
    "handle": ("Ask {} about it.", "cc {}"),
    "date": ("It was on {}.", "Born {}.", "We met {} for the first time."),
    "age": ("He is {} years old.", "A {}-year-old came in.", "She turned {}."),
    "street": ("I live at {}.", "Deliver it to {}.", "Their office is {}."),
    "zip": ("My zip code is {}.", "It is {} here, the ZIP I mean."),
}  # fmt: skip
STRUCTURED = tuple(kind for kind in CARRIERS if kind != "name")


@dataclass(frozen=True)
class Planted:
    """A text, the identifiers that were planted in it, and the stretches that planting put in, carriers included."""

    text: str
    spans: tuple[Span, ...]
    carriers: tuple[tuple[int, int], ...]


class Planter:
    """Draws identifiers from a seed."""

    def __init__(self, seed: Sequence[int]) -> None:
        self._rng = np.random.default_rng(seed)
        self._faker = Faker("en_US")
        self._faker.seed_instance(int(self._rng.integers(2**32)))
        self._first, self._last = (
            [name for name in names_of(HELD_OUT, which) if name.isascii()] for which in ("first_names", "last_names")
        )

    def plant(self, text: str, kinds: list[str]) -> Planted:
        """The text with one sentence for each of the kinds, at ends of sentences that are drawn."""
        places = sorted(self._rng.choice([0, len(text), *(m.end() for m in re.finditer(r"[.!?] ", text))], len(kinds)))
        out, spans, carriers, end = "", [], [], 0
        for place, kind in zip(places, kinds, strict=True):
            out += text[end:place]
            out += "" if not out or out.endswith((" ", "\n")) else " "
            value = self.value(kind)
            before, behind = self._one(CARRIERS[kind]).split("{}")
            start = len(out)
            spans.append(Span(start + len(before), start + len(before) + len(value), kind))  # type: ignore[arg-type]
            out += before + value + behind
            carriers.append((start, len(out)))
            out, end = out + " ", place
        return Planted(out + text[end:], tuple(spans), tuple(carriers))

    def value(self, kind: str) -> str:
        """An identifier of a kind."""
        short = f"http://t.co/{self._shape(('??#?##??',))}"
        makers: dict[str, Callable[[], str]] = {
            "name": self._name, "phone": self._phone, "fax": self._phone, "email": self._faker.email,
            "ssn": self._faker.ssn, "record": lambda: self._shape(("#######", "######", "MR-######", "##-##-##")),
            "plan": lambda: self._shape(("???#########", "#########", "#??#-??#-??##")),
            "account": lambda: self._shape(("##########", "#### #### ##", "########")),
            "licence": lambda: self._shape(("?#######", "########", "#########")), "vehicle": self._faker.vin,
            "device": lambda: self._shape(("??-#####-#", "SN########", "???######")),
            "url": lambda: self._one((self._faker.url(), self._faker.domain_name(), short)),
            "ip": lambda: self._one((self._faker.ipv4(), self._faker.ipv6())),
            "card": self._card,
            "order": lambda: self._shape(("######", "??-######", "###-#######-#######", "#########")),
            "handle": lambda: "@" + self._faker.user_name().replace(".", "_"), "date": self._date,
            "age": lambda: str(self._rng.integers(90, 105)), "zip": self._faker.postcode,
            "street": self._faker.street_address,
        }  # fmt: skip
        return makers[kind]()

    def _one(self, options: tuple[str, ...]) -> str:
        return options[self._rng.integers(len(options))]

    def _shape(self, shapes: tuple[str, ...]) -> str:
        drawn = {"#": "0123456789", "?": "ABCDEFGHJKLMNPRSTUVWXYZ"}
        return "".join(drawn[c][self._rng.integers(len(drawn[c]))] if c in drawn else c for c in self._one(shapes))

    def _name(self) -> str:
        first, last = self._one(tuple(self._first)), self._one(tuple(self._last))
        return self._one(
            (f"{first} {last}", f"{first} {last}", f"{first} {last}", first, f"Dr. {last}", f"Mrs. {last}")
        )

    def _phone(self) -> str:
        area, office, line = self._rng.integers(201, 990), self._rng.integers(200, 999), self._rng.integers(0, 10_000)
        shape = self._one(("({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "+1 {} {} {}", "{} {} {}", "{}{}{}", "1-{}-{}-{}"))
        return shape.format(area, office, f"{line:04d}")

    def _card(self) -> str:
        digits = self._faker.credit_card_number(self._one(("visa16", "mastercard", "amex", "discover")))
        blocks = re.findall(r"\d{1,4}", digits)
        return self._one((digits, " ".join(blocks), "-".join(blocks)))

    def _date(self) -> str:
        day = self._faker.date_object()
        shape = self._one(("%m/%d/%Y", "%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%m/%d/%y", "%B %dth", "%b. %d, %Y"))
        return day.strftime(shape)
