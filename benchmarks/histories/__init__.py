"""Histories of units: ours beside SDV's PAR."""
