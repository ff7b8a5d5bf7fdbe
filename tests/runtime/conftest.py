"""Tests of what an extra brings are collected only where it is installed: the clean environment has none."""

from importlib.util import find_spec

collect_ignore = [
    name
    for name, package in {"spark": "pyspark", "nlu": "pandas", "sentences": "nupunkt"}.items()
    if find_spec(package) is None
]
