"""Probe runs: small real trainings that measure what a forecast is most sensitive to."""
