"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# No test is a stopwatch: a busy machine takes longer, and finds the same.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
