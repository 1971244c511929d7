"""Profiles of Hypothesis: the same few examples in every run, or with FIXLIP_PROPERTIES=deep many new ones."""

import os

from hypothesis import HealthCheck, settings

ANY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile("fast", derandomize=True, database=None, max_examples=50, **ANY)
settings.register_profile("deep", print_blob=True, max_examples=2000, **ANY)
settings.load_profile("deep" if os.environ.get("FIXLIP_PROPERTIES") == "deep" else "fast")
