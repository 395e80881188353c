"""The medical domain."""

from domains.medical.domain import MedicalDomain

__all__ = ["MedicalDomain"]
