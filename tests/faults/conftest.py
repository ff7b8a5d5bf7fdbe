"""The properties of this folder have the budgets of tests/properties, also when the folder is run alone."""

import tests.properties.conftest  # noqa: F401  # loads the profile before a test module reads it
