"""Schemas as SDV's metadata and back; nothing of SDV's code is needed."""
