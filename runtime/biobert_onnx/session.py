"""onnxruntime sessions as the artifact's graphs want them."""

from pathlib import Path

import onnxruntime

from biobert_onnx.artifact import ArtifactError

SEVERITY_FATAL = 4
"""onnxruntime also logs each error that it raises: raising is enough."""


def open_session(graph: Path) -> onnxruntime.InferenceSession:
    """A CPU session on `graph` that computes on the calling thread; any number of threads may call it.

    Graph optimization is off: the file is in its final form, start-up is shorter, and the bits of a vector do not
    depend on what an onnxruntime version would fuse. Raises ArtifactError if onnxruntime refuses the file.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = SEVERITY_FATAL
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class
        reason = str(error).splitlines()[0]
        raise ArtifactError(f"onnxruntime cannot load '{graph}' ({reason}): export the artifact again") from error
