"""Ours beside its peers on whole tables; run with `make bench-tabular`."""
