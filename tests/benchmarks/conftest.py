"""The benchmarks read /proc: they and their tests are for Linux alone."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]
