"""onnxruntime on the int8 graph that other projects ship."""

from pathlib import Path

from benchmarks.harness.subjects import Subject
from benchmarks.peers.padded import Encode, FloatArray, Ints, inputs_of, padded_encode


def quantize_usual(subject: Subject, folder: Path) -> None:
    """Quantize the reference graph by onnxruntime's transformer fusion and quantize_dynamic."""
    from benchmarks.inputs.usual_recipe import write_usual_int8

    write_usual_int8(subject.reference_graph, folder / "model.onnx", heads=subject.heads, hidden=subject.dim)
    for path in folder.glob("model.fused.onnx*"):
        path.unlink()


def load_onnxruntime(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load a plain onnxruntime session on model.onnx, which `streams` threads call."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads // streams
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]

    def hidden(input_ids: Ints, mask: Ints) -> FloatArray:
        states: FloatArray = session.run(["last_hidden_state"], inputs_of(names, input_ids, mask))[0]
        return states

    return padded_encode(subject, hidden, streams=streams)
