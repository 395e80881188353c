"""Synthesizers of SDV, run in an environment of their own: for comparison, never with a promise.

SDV is under the Business Source License: the suite neither imports it nor depends on it.
"""
