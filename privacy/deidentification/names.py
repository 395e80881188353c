"""People's names: by titles, by the words around them, and by lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from privacy.deidentification.gazetteers import Gazetteers, words
from privacy.deidentification.spans import Span

_UPPER = "A-ZÀ-ÖØ-Þ"
_TOKEN = re.compile(rf"(?<![\w@#$&/.’'-])(?:[{_UPPER}][\w’']*(?:-[{_UPPER}][\w’']*)*)(?![\w@])")
_INITIAL = re.compile(rf"[{_UPPER}]\.?")
_TITLE = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Mister|Dr|Doctor|Prof|Professor|Nurse|Sr|Rev)\b\.?\s+"
    rf"(?P<name>[{_UPPER}][\w’'-]+(?:\s+(?:[{_UPPER}]\.\s*)?[{_UPPER}][\w’'-]+)?)"
)
_CUE = re.compile(
    rf"(?i:\b(?:(?:my|his|her|their|the|patient|customer|full|last|first)\s+name(?:\s+is|'s|:)|named|name:|"
    rf"signed(?: by)?[:,]?|attn:?|c/o|under the name(?: of)?|(?:my|his|her)\s+(?:wife|husband|son|daughter|brother|"
    rf"sister|mother|father|mom|dad|friend|boss|partner|neighbou?r|cousin|uncle|aunt)(?:\s+is)?,?|regards,|sincerely,)\s+)"
    rf"(?P<name>[{_UPPER}][\w’'-]+(?:\s+[{_UPPER}]\.?(?=\s))?(?:\s+[{_UPPER}][\w’'-]+){{0,2}})"
)
# Verbs whose object or subject is a person: an unlisted word is taken for a name there.
_PERSON_VERB = re.compile(
    rf"(?i:\b(?:tell|told|ask|asked|thank|thanks to|met with|spoke (?:to|with)|speak (?:to|with)|talked (?:to|with)|"
    rf"talk (?:to|with)|signed (?:off )?by|seen by|referred by|written by|prepared by|married to|according to)\s+)"
    rf"(?P<name>[{_UPPER}][\w’'-]+(?:\s+[{_UPPER}][\w’'-]+)?)"
)
_NEVER = words(
    "i doctor patient guest family guest_family the a an and or but not is was it he she they we you yes no oh "
    "well so monday tuesday wednesday thursday friday saturday sunday january february march april may june july "
    "august september october november december inc corp co ltd llc plc group bank street avenue hospital clinic "
    "center university school department society national international company "
)
_BEFORE_PLACES = words(
    "san santa los las new palo saint st fort mount port el la north south east west lake point cap "
)
# Ordinary words that begin names of things too often for the word behind them to be taken for a family name.
_NOT_ALONE = words(
    "dow santa north america sales fall bond new most were market cap seeking alpha gains chief grand gross arts major "
    "will may mark art april june august summer autumn chance price star long short black white brown green gray grey "
    "gold silver king queen best good love moody sharp small little lake forest ocean golden royal justice legend "
    "story journey lincoln houston austin dallas denver london paris florence sydney orlando phoenix madison jackson "
    "apple walt wells morgan disney mac case cash cross early english french welsh irish hall bell bush street "
    "church house"
)
_COMPANY = re.compile(
    r"\s*(?:&|and Co\b|Inc\b|Corp\b|Co\b|Ltd\b|LLC\b|Group\b|Bank\b|Stanley\b|Street\b|Sachs\b|’s\s+Hospital)"
)


class NameFinder:
    """Names of people. A name from the lists alone is taken only if it is no ordinary word."""

    def __init__(self, lists: Gazetteers) -> None:
        self._lists = lists

    def find(self, text: str) -> Iterator[Span]:
        for match in _TITLE.finditer(text):
            yield from self._trimmed(text, *match.span("name"), weight=29)
        for match in _CUE.finditer(text):
            yield from self._trimmed(text, *match.span("name"), weight=27)
        for match in _PERSON_VERB.finditer(text):
            if self._unknown(match["name"].split()[0]):
                yield from self._trimmed(text, *match.span("name"), weight=24)
        for run in _runs(text):
            yield from self._of_run(text, run)

    def _trimmed(self, text: str, start: int, end: int, weight: int) -> Iterator[Span]:
        """The words of a stretch up to the first that can be no name, such as the pronoun that begins a sentence."""
        kept = start
        for word in re.finditer(r"\S+", text[start:end]):
            if kept > start and re.search(r"[.!?,:;]$", text[:kept]) and not _INITIAL.fullmatch(text[kept - 2 : kept]):
                break
            if _bare(word[0]) in _NEVER or _bare(word[0]) in self._lists.countries or word[0] in ("XYZ", "ABC"):
                break
            kept = start + word.end()
        kept = start + len(text[start:kept].rstrip(".,;:!?"))
        if kept > start and len(text[start:kept].strip(".’' ")) > 1:
            yield Span(start, kept, "name", weight)

    def _of_run(self, text: str, run: Sequence[re.Match[str]]) -> Iterator[Span]:
        """Names among capitalised words that follow one another."""
        place = 0
        while place < len(run):
            taken = self._length(run[place:])
            if taken:
                start, end = run[place].start(), run[place + taken - 1].end()
                if not _COMPANY.match(text, end):
                    yield Span(start, end - 2 * text[start:end].endswith(("'s", "’s")), "name", weight=26)
            place += max(taken, 1)

    def _length(self, run: Sequence[re.Match[str]]) -> int:
        """How many of the run, from the first on, are one name; zero if the first begins none."""
        first = _bare(run[0][0])
        if first in _NEVER or first in _BEFORE_PLACES or first in self._lists.countries:
            return 0
        if not self._given(first):
            # "Yurany Fontaine": the one on no list, the other a family name that is no ordinary word.
            second = _bare(run[1][0]) if len(run) > 1 else ""
            listed = second in self._lists.last_names and second not in self._lists.ordinary
            return 2 * (listed and self._unknown(run[0][0]))
        length = 1
        while length < len(run) and length < 4:
            word = run[length][0]
            if not (_INITIAL.fullmatch(word) or self._family(_bare(word))):
                break
            length += 1
        while length > 1 and _INITIAL.fullmatch(run[length - 1][0]):
            length -= 1
        if length > 1:
            return length
        unknown = len(run) > 1 and self._unknown(run[1][0])
        if unknown and first in self._lists.first_names and first not in _NOT_ALONE:
            return 2  # "Daisy Niederl": an ordinary word as given name, and a word of no list behind it
        if first not in self._lists.ordinary and run[0][0] != run[0][0].upper():
            return 1 + unknown
        return 0

    def _given(self, word: str) -> bool:
        return word in self._lists.first_names or (word in self._lists.last_names and word not in self._lists.ordinary)

    def _family(self, word: str) -> bool:
        return word not in _NEVER and (word in self._lists.last_names or word in self._lists.first_names)

    def _unknown(self, word: str) -> bool:
        """Whether a capitalised word is on no list at all, and so may well be a family name."""
        bare = _bare(word)
        return len(bare) > 2 and not word.isupper() and bare not in self._lists.ordinary and bare not in _NEVER


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Capitalised words with nothing but a blank, or an initial's full stop and a blank, between them."""
    run: list[re.Match[str]] = []
    for match in _TOKEN.finditer(text):
        between = text[run[-1].end() : match.start()] if run else ""
        initial = run and _INITIAL.fullmatch(run[-1][0]) and between == ". "
        if run and (between == " " or initial):
            run.append(match)
        else:
            if run:
                yield run
            run = [match]
    if run:
        yield run


def _bare(word: str) -> str:
    return re.sub(r"[’']s$", "", word).strip(".,’'").lower()
