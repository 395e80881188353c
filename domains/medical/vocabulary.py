"""Words of the field: who may carry which diagnosis, in the coding systems that tables use.

Sources: ICD-9-CM tabular list (CDC/NCHS, final revision 2011) and ICD-10-CM (CDC/NCHS), whose
"Females only" and "Males only" edits the Medicare Code Editor (CMS) applies to claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from shared.corpus.schema import Column

ICD9, ICD10 = "icd-9-cm", "icd-10-cm"
FEMALE = frozenset({"Female", "female", "F", "f"})
MALE = frozenset({"Male", "male", "M", "m"})

# Groups of codes: what only women carry, of that what only pregnancy brings, and what only men carry.
_ICD9_STEMS: dict[str, tuple[str, ...]] = {
    "pregnancy": (*map(str, range(630, 680)), "V22", "V23", "V24", "V27", "V28"),
    "female": (
        *("174", "233.1", "233.2", "233.3", "256"),
        *(str(code) for first, last in ((179, 184), (218, 221), (614, 629)) for code in range(first, last + 1)),
    ),
    "male": ("175", "185", "186", "187", "222", "233.4", "233.5", "233.6", "257", *map(str, range(600, 609))),
}
# V25 and V26 (contraception, procreation) are left out: both sexes carry them. In ICD-10-CM, Z38 is the
# newborn's; the sixth place of C50 tells the breast of a woman (1) from that of a man (2).
_ICD10_RULES: dict[str, re.Pattern[str]] = {
    "pregnancy": re.compile(r"O.*|Z3[3467].*|Z39.*|Z3A.*"),
    "female": re.compile(
        r"C50\.?\d1.*|C5[1-8].*|D06.*|D07\.?[0-3].*|D2[5-8].*|D39.*|E28.*|N7[0-7].*|N8.*|N9[0-8].*|Z12\.?4.*|Z01\.?4.*"
    ),
    "male": re.compile(r"C50\.?\d2.*|C6[0-3].*|D07\.?[4-6].*|D29.*|D40.*|E29.*|N4[0-9].*|N5[0-3].*|Z12\.?5"),
}


def codes_of_group(group: str, column: Column) -> frozenset[str]:
    """The codes of a group (``pregnancy``, ``female``, ``male``) that ``column`` may hold.

    Of the declared categories if there are any, else of all codes of the column's coding system,
    with and without the dot. A group ``female`` includes ``pregnancy``. Empty for a column without
    a coding system known here.
    """
    groups = ("pregnancy", "female") if group == "female" else (group,)
    if column.coding == ICD9:
        known = frozenset().union(*(_icd9_codes(name) for name in groups))
        return known if column.categories is None else known & frozenset(column.categories)
    if column.coding == ICD10:
        codes = _all_icd10() if column.categories is None else column.categories
        return frozenset(code for code in codes if any(_ICD10_RULES[name].fullmatch(code) for name in groups))
    return frozenset()


@cache
def _icd9_codes(group: str) -> frozenset[str]:
    return frozenset(form for stem in _ICD9_STEMS[group] for form in _icd9_forms(stem))


def _icd9_forms(stem: str) -> Iterable[str]:
    """A category, or a four-digit subcategory, with every subdivision, with and without the dot."""
    digits = [str(digit) for digit in range(10)]
    whole, dot, fourth = stem.partition(".")
    fourths = [fourth] if dot else ["", *digits]
    for four in fourths:
        fifths = ["", *digits] if four else [""]
        for five in fifths:
            yield whole + four + five
            if four:
                yield f"{whole}.{four}{five}"


@cache
def _all_icd10() -> tuple[str, ...]:
    import simple_icd_10_cm as icd10  # reads 98,505 codes, 1.7 s: only for tables that leave their codes undeclared

    dotted = tuple(icd10.get_all_codes(with_dots=True))
    return dotted + tuple(code.replace(".", "") for code in dotted if "." in code)
