"""Benchmarks: each compares this project with a peer's method and with the limit, in one run."""
