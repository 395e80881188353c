"""Physical units: what a number in one unit is in another.

Units of physics come from pint's registry; how laboratories write one substance in two ways (mg/dL and mmol/L) depends
on the substance, and a domain brings it as a :class:`Conversion`. Declared units may be UCUM codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pint

from shared.corpus.schema import Column

# Pairs that people mix up, by what is measured; the dimension of the declared unit picks the line.
_CONFUSED = (
    ("kg", "g", "lb", "oz", "mg", "ug"),
    ("m", "cm", "mm", "inch", "ft", "km", "mile"),
    ("degC", "degF", "kelvin"),
    ("mmHg", "kPa", "hPa", "bar", "psi"),
    ("year", "month", "week", "day", "hour", "minute", "second"),
    ("L", "dL", "mL", "gallon"),
    ("kJ", "kcal", "kWh", "MJ"),
    ("kg/m**3", "g/L", "g/dL", "mg/dL", "mg/L", "ug/L", "ng/mL"),
    ("mol/L", "mmol/L", "umol/L", "nmol/L"),
    ("km/hour", "mile/hour", "m/second"),
)
_UCUM = {
    "mm[Hg]": "mmHg", "Cel": "degC", "[degF]": "degF", "C": "degC", "F": "degF", "[lb_av]": "lb", "[oz_av]": "oz",
    "[in_i]": "inch", "[ft_i]": "ft", "[mi_i]": "mile", "wk": "week", "mo": "month", "°": "degree", "mcg": "ug",
    "yrs": "year", "y": "year", "kgs": "kg", "cms": "cm", "mins": "minute", "sec": "second", "hr": "hour",
    "hrs": "hour", "h": "hour", "min": "minute", "in": "inch", "t": "metric_ton",
}  # fmt: skip
_POWER = re.compile(r"([A-Za-z])(\d)")
_KNOWN = re.compile(r"^[A-Za-zµμ°%][A-Za-z0-9µμ°%/*^.\[\]{}_ ]{0,30}$")


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A number x in ``unit`` is ``factor`` · x + ``offset`` in the declared unit of a column."""

    unit: str
    factor: float
    offset: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Substance:
    """Two ways to write the amount of one substance: x in ``other`` is ``factor`` · x + ``offset`` in ``unit``.

    ``names`` is a regular expression for the names of columns that hold it.
    """

    names: str
    unit: str
    other: str
    factor: float
    offset: float = 0.0


class PhysicalUnits:
    """Conversions into the declared unit of a column; ``substances`` come from a domain."""

    def __init__(self, substances: Sequence[Substance] = ()) -> None:
        self.substances = tuple(substances)

    @cached_property
    def _registry(self) -> pint.UnitRegistry[float]:
        return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)

    def written(self, unit: str, column: Column) -> Conversion | None:
        """The conversion of a unit as someone wrote it; ``None`` if it is unknown or measures something else."""
        declared = column.physical_unit
        if declared is None:
            return None
        if _same(unit, declared):
            return Conversion(unit=unit, factor=1.0)
        for found in self._substances(column):
            if _same(unit, found.unit):
                return Conversion(unit=unit, factor=found.factor, offset=found.offset)
        return self._convert(unit, declared)

    def confused(self, column: Column) -> list[Conversion]:
        """Conversions of the units that a column's declared unit is mixed up with."""
        declared = column.physical_unit
        if declared is None:
            return []
        found = list(self._substances(column))
        for family in _CONFUSED:
            conversions = [self._convert(unit, declared) for unit in family]
            found += [c for c in conversions if c is not None and not (abs(c.factor - 1) < 1e-3 and c.offset == 0)]
        return found

    def _substances(self, column: Column) -> Iterable[Conversion]:
        for known in self.substances:
            if column.physical_unit is None or not re.search(known.names, column.name, re.IGNORECASE):
                continue
            if _same(known.unit, column.physical_unit):
                yield Conversion(unit=known.other, factor=known.factor, offset=known.offset)
            elif _same(known.other, column.physical_unit):
                yield Conversion(unit=known.unit, factor=1 / known.factor, offset=-known.offset / known.factor)

    def _convert(self, unit: str, declared: str) -> Conversion | None:
        given, wanted = self._unit(unit), self._unit(declared)
        if given is None or wanted is None or given.dimensionality != wanted.dimensionality:
            return None
        zero, one = (float(self._registry.Quantity(x, given).to(wanted).magnitude) for x in (0.0, 1.0))
        return Conversion(unit=unit, factor=one - zero, offset=zero)

    def _unit(self, text: str) -> pint.Unit | None:
        """A unit of the registry; a text that is none, or has no dimension, gives ``None``."""
        name = _plain(text)
        if not _KNOWN.match(name):
            return None
        try:
            unit = self._registry.Unit(name)
        except (pint.PintError, AttributeError, ValueError, TypeError, AssertionError, SyntaxError):
            return None
        return None if unit.dimensionless else unit


def _plain(text: str) -> str:
    """UCUM and everyday spellings as pint reads them; annotations such as ``{1.73_m2}`` are left out."""
    text = re.sub(r"/?\{[^}]*\}", "", text.strip()).rstrip(".")
    if text in _UCUM:
        return _UCUM[text]
    if text.lower() in _UCUM and len(text) > 1:
        return _UCUM[text.lower()]
    parts = [_UCUM.get(part.strip(), part.strip()) for part in text.split("/")]
    return "/".join(_POWER.sub(r"\1**\2", part) for part in parts).replace("^", "**")


def _same(first: str, second: str) -> bool:
    return first.replace(" ", "").casefold() == second.replace(" ", "").casefold() or _plain(first) == _plain(second)
