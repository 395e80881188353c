"""Check digits: Luhn for cards (ISO/IEC 7812-1), modulo 97 for IBANs (ISO 13616), modulo 11 for VINs (49 CFR 565)."""

from __future__ import annotations

_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)], strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def iban(text: str) -> bool:
    """Whether letters and digits without blanks form an IBAN."""
    moved = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and moved.isalnum() and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def vin(text: str) -> bool:
    """Whether seventeen letters and digits are a vehicle identification number of North America."""
    if len(text) != len(_VIN_WEIGHTS) or not all(c.isdigit() or c in _VIN_VALUES for c in text):
        return False
    values = [int(c) if c.isdigit() else _VIN_VALUES[c] for c in text]
    rest = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return text[8] == ("X" if rest == 10 else str(rest))
