"""Two budgets for every property: a few examples, always the same, in `make test`; many new ones in `make fuzz`."""

from hypothesis import HealthCheck, settings

CHECKS = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "test", max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=CHECKS
)
settings.register_profile(
    "fuzz", max_examples=2000, database=None, deadline=None, print_blob=True, suppress_health_check=CHECKS
)
settings.load_profile("test")
