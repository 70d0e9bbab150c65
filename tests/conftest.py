"""Hypothesis draws the same examples every time, and never takes a busy machine for a failure."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "course", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("course")
