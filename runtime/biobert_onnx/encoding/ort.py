"""onnxruntime, imported with its telemetry off.

Since 1.29 its import on Linux and macOS starts a thread that uploads usage events, and a process forked after that
hangs when it exits (tried with 1.32.0). A library that may see clinical text must do neither. onnxruntime reads its
switch once, when it is imported, so the variable is set during the import, unless the user has set it.
"""

import os

SWITCH = "ORT_DISABLE_TELEMETRY"

_given = os.environ.get(SWITCH)
os.environ.setdefault(SWITCH, "1")
import onnxruntime  # noqa: E402  # after the switch is set

if _given is None:
    del os.environ[SWITCH]
    onnxruntime.disable_telemetry_events()  # for a process that had imported onnxruntime before

__all__ = ["onnxruntime"]
