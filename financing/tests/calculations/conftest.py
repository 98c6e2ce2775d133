"""Hypothesis profiles: `--hypothesis-profile=nightly` runs every property on 10,000 random loans."""

from hypothesis import settings

settings.register_profile("nightly", max_examples=10_000, deadline=None)
