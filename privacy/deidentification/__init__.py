"""De-identification: identifiers found in text by declared rules, and what is put in their place.

Nothing here is learned from records: rules, checksums and public lists of names decide, so what becomes of a unit's
text follows from that text, a secret key and the name of the unit, and from no other unit.
"""

from privacy.deidentification.deidentifier import Deidentifier, Replaced
from privacy.deidentification.gazetteers import Gazetteers
from privacy.deidentification.spans import KINDS, Finder, Kind, Span
from privacy.deidentification.surrogates import Surrogates

__all__ = ["KINDS", "Deidentifier", "Finder", "Gazetteers", "Kind", "Replaced", "Span", "Surrogates"]
