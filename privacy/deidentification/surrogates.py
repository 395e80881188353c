"""What is put in the place of an identifier.

A surrogate follows from a secret key, the unit and the identifier: the same identifier has the same surrogate all over
a unit, and another in other units. Where ranges are reserved for examples, surrogates come from them:
``example.com`` (RFC 2606), 192.0.2.0/24 and its like (RFC 5737), 2001:db8::/32 (RFC 3849), 555-0100 to 555-0199 (North
American Numbering Plan), 987-65-4320 to -4329 (SSNs for advertisements), the card networks' test numbers.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from privacy.deidentification.dates import DAY_FIRST, ISO, MONTH_AND_YEAR, MONTH_FIRST, MONTHS, NUMERIC, read_date
from privacy.deidentification.gazetteers import Gazetteers
from privacy.deidentification.geography import SPARSE_ZIP3
from privacy.deidentification.reserved import TEST_CARDS, is_reserved
from privacy.deidentification.spans import Kind
from shared.errors import ConfigurationError

Dates = Literal["years", "shifted"]
_LEAST_KEY = 16
_FARTHEST_DAYS = 364
_FAR_TOWNS = ("North", "East", "West", "South", "New", "Lake", "Port")


@dataclass(frozen=True)
class Surrogates:
    """Surrogates under a secret ``key`` of 16 bytes or more, which is never stored.

    ``dates``: ``years`` cuts dates to their year, ``shifted`` moves all dates of a unit by one number of days, up to
    364 either way and never zero. The latter keeps durations, and is not Safe Harbor.
    ``oldest_year``: years before it become "1935 or before", since a year of birth tells an age above 89 as well.
    """

    key: bytes = field(repr=False)
    lists: Gazetteers = field(default_factory=Gazetteers, repr=False)
    dates: Dates = "years"
    oldest_year: int | None = None

    def __post_init__(self) -> None:
        if len(self.key) < _LEAST_KEY:
            raise ConfigurationError(
                f"the key of the surrogates has {len(self.key)} bytes; it needs {_LEAST_KEY} or more: "
                "take secrets.token_bytes(32)"
            )

    def of(self, kind: Kind, value: str, unit: str) -> str:
        """The surrogate of an identifier of a unit; what is in a reserved range already stays."""
        if is_reserved(kind, value):
            return value
        return _MAKERS.get(kind, _code)(self, kind, value, unit)

    def year(self, year: int) -> int:
        """The year that stands for a year: those before ``oldest_year`` are pooled in the one before it."""
        return year if self.oldest_year is None or year >= self.oldest_year else self.oldest_year - 1

    def days(self, unit: str) -> int:
        """By how many days the dates of a unit are moved."""
        drawn = self.drawn(2 * _FARTHEST_DAYS, unit, "days", "")
        return drawn - _FARTHEST_DAYS + (drawn >= _FARTHEST_DAYS)

    def drawn(self, below: int, *parts: str) -> int:
        """A number from zero to ``below - 1`` that follows from the key and the parts alone."""
        told = b"".join(len(part.encode()).to_bytes(8) + part.encode() for part in parts)
        return int.from_bytes(hmac.digest(self.key, told, "sha256")) % below

    def chosen(self, options: Sequence[str], value: str, *parts: str) -> str:
        """One of the options that is not ``value``."""
        others = [option for option in options if option.lower() != value.lower()]
        return others[self.drawn(len(others), value.lower(), *parts)]


def _name(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    """Word by word, so that "John Smith" and "Mr. Smith" of a unit stay one person."""
    return re.sub(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*", lambda word: _name_word(made, kind, word[0], unit), value)


def _name_word(made: Surrogates, kind: Kind, word: str, unit: str) -> str:
    if len(word) == 1:
        return made.chosen("ABCDEFGHIJKLMNOPQRSTUVWXYZ", word, unit, kind)
    given = word.lower() in made.lists.first_names
    names = made.lists.surrogate_first_names if given else made.lists.surrogate_last_names
    new = made.chosen(names, word, unit, kind)
    return new.upper() if word.isupper() else new.lower() if word.islower() else new


def _digits(value: str, digits: str) -> str:
    """``value`` with its last digits replaced by ``digits`` and those before them by 5: punctuation stays."""
    left = list("5" * max(0, sum(c.isdigit() for c in value) - len(digits)) + digits)
    return "".join(left.pop(0) if c.isdigit() and left else c for c in value)


def _phone(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    extension = re.search(r"\s?(?:x|ext\.?|extension)\s?\d+$", value, re.IGNORECASE)
    body = value[: extension.start()] if extension else value
    line = f"55501{made.drawn(100, value, unit, kind):02d}"
    return _digits(body, line)


def _email(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    end = ("com", "org", "net")[made.drawn(3, value.lower(), unit, kind, "end")]
    return f"user{made.drawn(10**8, value.lower(), unit, kind):08d}@example.{end}"


def _url(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    scheme = re.match(r"(?:https?|ftp)://|www\.", value, re.IGNORECASE)
    return f"{scheme[0] if scheme else ''}example.com/{made.drawn(16**8, value, unit, kind):08x}"


def _ip(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    if ":" in value:
        return (
            f"2001:db8::{made.drawn(2**16, value, unit, kind, 'a'):x}:{1 + made.drawn(2**16 - 1, value, unit, kind):x}"
        )
    net = ("192.0.2", "198.51.100", "203.0.113")[made.drawn(3, value, unit, kind, "net")]
    return f"{net}.{1 + made.drawn(254, value, unit, kind)}"


def _handle(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    return f"{'@' if value.startswith('@') else ''}example_{made.drawn(16**6, value.lower(), unit, kind):06x}"


def _card(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    length = sum(c.isdigit() for c in value)
    fitting = [card for card in TEST_CARDS if len(card) == length]
    if not fitting:
        return _code(made, kind, value, unit)
    digits = fitting[made.drawn(len(fitting), value, unit, kind)]
    return _digits(value, digits)


def _ssn(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    new = f"98765432{made.drawn(10, value, unit, kind)}"
    count = sum(c.isdigit() for c in value)
    return _digits(value, new[-count:] if count < len(new) else new)


def _street(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    number = 1 + made.drawn(999, value.lower(), unit, kind)
    return f"P.O. Box {number}" if "box" in value.lower() and _starts_with_p(value) else f"{number} Example Street"


def _starts_with_p(value: str) -> bool:
    return value[:1].lower() == "p"


def _place(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    return f"{made.chosen(_FAR_TOWNS, value, unit, kind)} Exampleton"


def _zip(made: Surrogates, kind: Kind, value: str, unit: str) -> str:  # noqa: ARG001
    """The first three digits, or 000 where no more than 20,000 people live."""
    return f"{'000' if value[:3] in SPARSE_ZIP3 else value[:3]}XX"


def _age(made: Surrogates, kind: Kind, value: str, unit: str) -> str:  # noqa: ARG001
    return "90+" if value.isdigit() else "over ninety"


def _date(made: Surrogates, kind: Kind, value: str, unit: str) -> str:  # noqa: ARG001
    if made.dates == "years":
        years = re.findall(r"(?:1[89]|20)\d\d", value)
        short = NUMERIC.fullmatch(value)
        read = read_date(short) if short else None
        if not years and read is None:
            return "[DATE]"
        year = int(years[0]) if years else read.year  # type: ignore[union-attr]
        pooled = made.year(year)
        return str(year) if pooled == year else f"{pooled} or before"
    return _shifted(value, made.days(unit))


def _shifted(value: str, days: int) -> str:
    """A date some days later, written in the same way; one that cannot be read is taken out."""
    if re.fullmatch(r"\d{4}", value):
        return value  # a year by itself
    for pattern in (ISO, NUMERIC, MONTH_FIRST, DAY_FIRST, MONTH_AND_YEAR):
        match = pattern.fullmatch(value)
        old = read_date(match) if match else None
        if match is None or old is None:
            continue
        try:
            new = old + timedelta(days=days)
        except OverflowError:
            return "[DATE]"
        return _written(match, new.year, new.month, new.day)
    return "[DATE]"


def _written(match: re.Match[str], year: int, month: int, day: int) -> str:
    groups, text, start = match.groupdict(), match[0], match.start()
    if "first" in groups:
        order = (day, month) if int(groups["first"]) > len(MONTHS) else (month, day)
        parts = {"first": _like(groups["first"], order[0]), "second": _like(groups["second"], order[1])}
    elif groups["month"].isdigit():
        parts = {"month": _like(groups["month"], month), "day": _like(groups["day"], day)}
    else:
        name = MONTHS[month - 1] if len(groups["month"]) > 3 else MONTHS[month - 1][:3]
        parts = {"month": name.title() if groups["month"][0].isupper() else name}
        if "day" in groups:
            parts["day"] = _like(groups["day"], day)
    if groups.get("year"):
        parts["year"] = str(year)[-len(groups["year"]) :]
    for group in sorted(parts, key=match.start, reverse=True):
        a, b = match.start(group) - start, match.end(group) - start
        text = text[:a] + parts[group] + text[b:]
    return re.sub(r"(\d)(?:st|nd|rd|th)\b", lambda m: m[1] + _ending(day), text)


def _like(old: str, new: int) -> str:
    return f"{new:02d}" if old.startswith("0") or len(old) == 2 else str(new)


def _ending(day: int) -> str:
    return "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _code(made: Surrogates, kind: Kind, value: str, unit: str) -> str:
    """Digits for digits and letters for letters; at least one of them is another than it was."""
    new = [_character(made, c, place, value, unit, kind) for place, c in enumerate(value)]
    if "".join(new) == value:
        last = max((p for p, c in enumerate(value) if c.isascii() and c.isalnum()), default=None)
        if last is None:
            return "[NUMBER]"
        digits = "0123456789" if value[last].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        new[last] = made.chosen(digits, value[last], unit, kind)
    return "".join(new)


def _character(made: Surrogates, c: str, place: int, value: str, unit: str, kind: Kind) -> str:
    if not (c.isascii() and c.isalnum()):
        return c
    drawn = made.drawn(26 * 10, value, unit, kind, str(place))
    if c.isdigit():
        return str(drawn % 10)
    return chr(ord("A" if c.isupper() else "a") + drawn % 26)


_MAKERS: dict[Kind, Callable[[Surrogates, Kind, str, str], str]] = {
    "name": _name, "street": _street, "place": _place, "zip": _zip, "date": _date, "age": _age, "phone": _phone,
    "fax": _phone, "email": _email, "ssn": _ssn, "url": _url, "ip": _ip, "card": _card, "handle": _handle,
}  # fmt: skip
