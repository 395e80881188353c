"""Laboratory values that are written in mass or in moles.

Factors follow from molar masses (NIST Chemistry WebBook); that of HbA1c is the master equation of IFCC and NGSP
(Hoelzel et al. 2004, Clin. Chem. 50, 166).
"""

from __future__ import annotations

from shared.cleaning.conversions import Substance

SUBSTANCES = (
    Substance(names=r"gluc|blood_?sugar", unit="mg/dL", other="mmol/L", factor=18.016),
    Substance(names=r"chol|\bhdl\b|\bldl\b|^hdl|^ldl", unit="mg/dL", other="mmol/L", factor=38.67),
    Substance(names=r"triglyc", unit="mg/dL", other="mmol/L", factor=88.57),
    Substance(names=r"creatinine", unit="mg/dL", other="umol/L", factor=1 / 88.42),
    Substance(names=r"bilirubin", unit="mg/dL", other="umol/L", factor=1 / 17.1),
    Substance(names=r"\bbun\b|^bun|urea_?nitrogen", unit="mg/dL", other="mmol/L", factor=2.801),
    Substance(names=r"calcium", unit="mg/dL", other="mmol/L", factor=4.008),
    Substance(names=r"a1c", unit="%", other="mmol/mol", factor=0.09148, offset=2.152),
)
