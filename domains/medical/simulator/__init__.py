"""A simulator of patients with chronic and acute courses over years, from public facts."""

from domains.medical.simulator.hospital import simulate_hospital
from domains.medical.simulator.layout import hospital_schema

__all__ = ["hospital_schema", "simulate_hospital"]
