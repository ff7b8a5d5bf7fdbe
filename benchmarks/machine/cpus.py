"""The CPUs that a process may use, and the kernel that this project takes on them."""

import os
from contextlib import suppress
from pathlib import Path


def hold_to_first_cpus(count: int) -> None:
    """Let all threads of this process, and those that they will start, use the first `count` of its CPUs only.

    Call it after the imports: onnxruntime does not use AMX if a process may use only one CPU when it is imported.
    A thread that ends meanwhile, as OpenVINO's do, needs no CPU.
    """
    cpus = sorted(os.sched_getaffinity(0))[:count]
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cpus)


def kernel_name() -> str | None:
    """Return the name of the kernel that this project takes on this CPU, None if it has none for it.

    The environment variable BIOBERT_ONNX_KERNEL counts, as it does for encoders.
    """
    from biobert_onnx.kernels.engine import SWITCH
    from biobert_onnx.kernels.library import KernelsUnavailableError, find_kernel

    try:
        return find_kernel(os.environ.get(SWITCH) or None).name
    except KernelsUnavailableError:
        return None
