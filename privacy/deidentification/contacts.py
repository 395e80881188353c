"""Ways to reach somebody: e-mail, telephone, fax, URL, network address, user handle."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from privacy.deidentification.spans import Span

_EMAIL = re.compile(r"[\w.+%-]+@(?:[\w-]+\.)+[A-Za-z]{2,}", re.UNICODE)
_SPOKEN_EMAIL = re.compile(r"\b[\w.+-]+ ?(?:\[at\]|\(at\)| at ) ?[\w-]+ ?(?:\[dot\]|\(dot\)| dot ) ?[a-z]{2,4}\b")
_ENDS = "com|org|net|edu|gov|io|co|info|biz|ly|me|us|uk|ca|de|fr|in|au|tv"
_URL = re.compile(
    rf"\b(?:https?://|ftp://|www\.)[^\s<>\"'“”…]+|(?<![@\w.-])(?:[a-z0-9-]+\.)+(?:{_ENDS})\b(?:/[^\s<>\"'“”…]*)?",
    re.IGNORECASE,
)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)")
_IPV6 = re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}(?![\w:])")
_HANDLE = re.compile(r"(?<![\w@.])@[A-Za-z0-9_]{2,30}\b")
_CUED_HANDLE = re.compile(
    r"\b(?i:user ?name|user ?id|handle|screen ?name|login|nickname|user)(?i:\s*(?:is|was|:|=))\s*"
    r"(?P<handle>[A-Za-z0-9][\w.-]*[\d_][\w.-]*\w|[a-z0-9]\w{3,})"
)
_AREA = r"(?:\(\d{3}\)\s?|\d{3}[-. /])"
_PHONE = re.compile(
    rf"(?<![\w$.-])(?:\+?1[-. ])?{_AREA}\d{{3}}[-. ]\d{{4}}(?:\s?(?:x|ext\.?|extension)\s?\d{{1,6}})?(?![\w-]|\.\d)"
    r"|(?<![\w$+])\+\d{1,3}(?:[-. ]?\(?\d{1,4}\)?){2,6}(?!\w)"
    r"|(?<![\w$.-])1?[2-9]\d{2}[2-9]\d{6}(?![\w-]|\.\d)"
    r"|(?<![\w$.-])[2-9]\d{2}[-.]\d{4}(?![\w-]|\.\d)",
    re.IGNORECASE,
)
_FEWEST, _MOST = 7, 22
_FAX = re.compile(r"\b(?:fax|facsimile|telefax)\b[^.?!\n]{0,40}$", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'\"”’"


class ContactFinder:
    """E-mail addresses, telephone and fax numbers, URLs, IP addresses and handles."""

    def find(self, text: str) -> Iterator[Span]:
        for pattern in (_EMAIL, _SPOKEN_EMAIL):
            for match in pattern.finditer(text):
                yield Span(*match.span(), "email", weight=100)
        for match in _URL.finditer(text):
            yield Span(match.start(), match.start() + len(match[0].rstrip(_TRAILING)), "url", weight=95)
        for pattern in (_IPV4, _IPV6):
            for match in pattern.finditer(text):
                if _is_address(match[0]):
                    yield Span(*match.span(), "ip", weight=75)
        yield from _handles_and_numbers(text)


def _handles_and_numbers(text: str) -> Iterator[Span]:
    for match in _HANDLE.finditer(text):
        yield Span(*match.span(), "handle", weight=60)
    for match in _CUED_HANDLE.finditer(text):
        yield Span(*match.span("handle"), "handle", weight=20)
    for match in _PHONE.finditer(text):
        if _FEWEST <= sum(c.isdigit() for c in match[0]) <= _MOST:
            faxed = _FAX.search(text, max(0, match.start() - 60), match.start())
            yield Span(*match.span(), "fax" if faxed else "phone", weight=50)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
