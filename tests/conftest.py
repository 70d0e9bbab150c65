"""Hypothesis draws the same examples every time, and never takes a busy machine for a failure."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "course", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("course")

# Before torch is loaded: workers that share the processors would otherwise wait for each other's threads, tenfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")
