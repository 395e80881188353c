"""Benchmarks: what is slower than a test. Run them with `make bench-…`."""
