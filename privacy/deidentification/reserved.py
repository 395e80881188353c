"""What can be nobody's: ranges reserved for examples. Identifiers there are left alone."""

from __future__ import annotations

import re

from privacy.deidentification.spans import Kind

# Published by the card networks and their processors for tests; no card bears them.
TEST_CARDS = ("4111111111111111", "4012888888881881", "4242424242424242", "5555555555554444", "5105105105105100",
              "6011111111111117", "6011000990139424", "378282246310005", "371449635398431", "30569309025904",
              "4222222222222")  # fmt: skip
_EXAMPLE = r"(?:[\w-]+\.)*example\.(?:com|org|net)"
_RESERVED: dict[Kind, re.Pattern[str]] = {
    "email": re.compile(rf"user\d{{8}}@{_EXAMPLE}"),
    "url": re.compile(rf"(?:(?:https?|ftp)://|www\.)?{_EXAMPLE}(?:/[0-9a-f]{{8}})?"),
    "ip": re.compile(r"192\.0\.2\.\d+|198\.51\.100\.\d+|203\.0\.113\.\d+|2001:db8:[0-9a-f:]+"),
    "handle": re.compile(r"@?example_[0-9a-f]{6}"),
    "street": re.compile(r"\d{1,3} Example Street"),
    "place": re.compile(r"(?:(?:North|East|West|South|New|Lake|Port) )?Exampleton"),
}  # fmt: skip
_PHONE, _SSN = re.compile(r"5*55501\d\d"), re.compile(r"98765432\d")


def is_reserved(kind: Kind, value: str) -> bool:
    """Whether an identifier lies in a range that is reserved for examples, or is a surrogate of this package."""
    digits = re.sub(r"\D", "", value)
    if kind == "card":
        return digits in TEST_CARDS
    if kind in ("phone", "fax"):
        return _PHONE.fullmatch(digits) is not None
    if kind == "ssn":
        return _SSN.fullmatch(digits) is not None
    return kind in _RESERVED and _RESERVED[kind].fullmatch(value) is not None
