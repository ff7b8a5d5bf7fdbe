"""Tests of what an extra brings are collected only where it is installed: the clean environment has none."""

from importlib.util import find_spec

import numpy as np

collect_ignore = [
    name
    for name, package in {"spark": "pyspark", "nlu": "pandas", "sentences": "nupunkt"}.items()
    if find_spec(package) is None
]
if np.lib.NumpyVersion(np.__version__) < "2.0.0":
    collect_ignore.append("serving/test_bundle.py")  # a zip needs numpy 2, and `bundle` says so
