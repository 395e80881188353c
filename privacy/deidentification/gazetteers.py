"""Public lists of names, towns and streets: those that come with faker.

A list is read when it is first asked for; nothing is kept in the module. Locales of another script than the Latin one
are of no use in English text, and a benchmark leaves those of ``HELD_OUT`` out and plants names from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any


def words(text: str) -> frozenset[str]:
    """The words of a text as a set: long lists are easier to read so."""
    return frozenset(text.split())


HELD_OUT = ("en_IN", "en_NZ", "de_AT", "fr_CA", "es_CO", "pt_PT")
LOCALES = words(
    "en en_US en_GB en_IE en_KE en_NG en_NZ en_IN en_PK en_TH es es_ES es_MX es_AR es_CL es_CO es_CA fr_FR fr_CH fr_BE "
    "fr_CA fr_QC de_DE de_AT de_CH de_LU it_IT pt_BR pt_PT nl_NL sv_SE no_NO da_DK fi_FI is_IS pl_PL cs_CZ sk_SK sl_SI "
    "hr_HR hu_HU ro_RO lt_LT lv_LV et_EE ga_IE tr_TR id_ID vi_VN az_AZ uz_UZ yo_NG ig_NG ha_NG sw tw_GH zu_ZA fr_DZ"
)
# Given or family names that are words of every day's English, of the clinic, the shop or the market as well: alone they
# say nothing, beside another name they do.
ORDINARY = words(
    "will may mark bill grant rose grace hope faith joy august april june summer autumn dawn eve iris lily daisy "
    "violet art chase chance drew frank guy hunter jack jay lance major max miles page pat penny price ray rich "
    "rob rod rusty sandy skip star sterling sue tab tad temple trip van vic wade ward ware west young long short "
    "black white brown green gray grey gold silver king queen prince bishop baker cook carter mason miller taylor "
    "parker porter potter fisher fox wolf bear bird lamb swan crane banks bank park parks field fields hill hills "
    "wood woods stone rivers brooks lake marsh moor dale glen ford lane street church house hall bell bush best "
    "good love moody noble savage sharp small little new newton day noon winter march law laws lord abbott case "
    "cash cross duke early english french welsh irish england france ireland holland paris london florence sydney "
    "austin houston jackson lincoln madison denver dallas phoenix orlando savannah charlotte virginia georgia "
    "carolina dakota montana india china asia america jordan israel chad kenya cuba brazil melody harmony destiny "
    "heaven trinity christian pope dean doctor nurse sir ma al an do so my in on at to the and or is it he she we "
    "you they be has had can if no not all any but by for from our out see so than that this was who how its let "
    "now one two three yes oh um ok okay hi hello dear dr pm am see golden land forest ocean sunny angel crystal "
    "diamond amber pearl ruby jade jewel coral ginger olive basil sage herb heather ivy lucky happy merry true "
    "justice royal reign legend story journey epic ace buddy sonny junior morgan wells fargo disney walt mac "
    "apple ge sandoval intel exxon chevron boeing kelly jean bo ty ed mo jo bob weeks worth beer fee sales bond "
    "traders most were same let ah luna alpha cap gains dow update santa america north missed comes fall decline "
    "chief executive oncology delta avis mcdonald hilton allegra peacock fran seeking were major mercy blue red "
    "rain sky storm brook cliff dusty ernest gene harry jerry sally tim vera victor viola "
)


@dataclass(frozen=True)
class Gazetteers:
    """Lists of names and places in lower case, by locales of faker."""

    locales: frozenset[str] = LOCALES

    @cached_property
    def first_names(self) -> frozenset[str]:
        """Given names."""
        return _folded(names_of(self.locales, "first_names"))

    @cached_property
    def last_names(self) -> frozenset[str]:
        """Family names."""
        return _folded(names_of(self.locales, "last_names"))

    @cached_property
    def ordinary(self) -> frozenset[str]:
        """Words that mean something else more often than a person."""
        return ORDINARY | _folded(_provider("lorem", "en_US").word_list)

    @cached_property
    def towns(self) -> frozenset[str]:
        """Towns of the world, ``los angeles``."""
        return _folded(row[2] for row in _provider("geo", None).land_coords) - ORDINARY_TOWNS

    @cached_property
    def countries(self) -> frozenset[str]:
        """Countries: no identifiers, and no people's names."""
        return _folded(_provider("address", "en_US").countries)

    @cached_property
    def states(self) -> frozenset[str]:
        """States of the United States, written out."""
        return _folded(_provider("address", "en_US").states)

    @cached_property
    def states_short(self) -> frozenset[str]:
        """States of the United States as the post writes them, in upper case."""
        return frozenset(_provider("address", "en_US").states_abbr)

    @cached_property
    def street_endings(self) -> frozenset[str]:
        """``street``, ``avenue`` and the like, with the post's short forms."""
        short = words("st ave blvd rd dr ln ct cir pl sq ter trl pkwy hwy aly expy fwy plz xing way row loop walk ")
        return _folded(_provider("address", "en_US").street_suffixes) | short

    @cached_property
    def surrogate_first_names(self) -> tuple[str, ...]:
        """Given names to put in others' places: single plain words, in the order of the alphabet."""
        return _plain(names_of(("en_US",), "first_names"))

    @cached_property
    def surrogate_last_names(self) -> tuple[str, ...]:
        """Family names to put in others' places."""
        return _plain(names_of(("en_US",), "last_names"))


# Towns that are words or first names too often to be told by the list alone.
ORDINARY_TOWNS = words(
    "most same korea germany reading mobile nice bath split best police normal orange union hope march ham "
    "university of "
)


def names_of(locales: Iterable[str], which: str) -> list[str]:
    """Names of some locales of faker as they are written there; ``which`` is ``first_names`` or ``last_names``."""
    found: dict[str, None] = {}
    for locale in sorted(locales):
        provider = _provider("person", locale)
        for kind in (which, f"{which}_male", f"{which}_female", which.replace("names", "names_est")):
            listed = getattr(provider, kind, ())
            found.update(dict.fromkeys(() if isinstance(listed, property) else listed))
    return [name for name in found if isinstance(name, str)]


def _provider(family: str, locale: str | None) -> Any:
    return import_module(".".join(("faker", "providers", family, *([locale] if locale else [])))).Provider


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in words if len(word.strip()) > 1)


def _plain(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({word for word in words if word.isalpha() and word.isascii() and word.istitle()}))
