"""The properties of this folder have the budgets of tests/properties, also when the folder is run alone.

Its processes are killed by signals and write into file systems that are mounted for them, which Windows has not.
"""

import sys

import tests.properties.conftest  # noqa: F401  # loads the profile before a test module reads it

collect_ignore_glob = [] if sys.platform != "win32" else ["test_*.py"]
