"""OpenVINO's CPU plugin, on float32 weights and on NNCF's int8."""

from pathlib import Path

import numpy as np

from benchmarks.harness.subjects import Subject
from benchmarks.peers.padded import Encode, FloatArray, Ints, inputs_of, padded_encode


def convert_openvino(subject: Subject, folder: Path) -> None:
    """Convert the reference graph into OpenVINO's format, with float32 weights."""
    import openvino

    openvino.save_model(openvino.convert_model(subject.reference_graph), folder / "model.xml", compress_to_fp16=False)


def quantize_openvino(subject: Subject, folder: Path) -> None:
    """Quantize by NNCF's post-training quantization for transformers, on this project's calibration texts."""
    import nncf
    import openvino

    from benchmarks.inputs.checkpoints import calibration_texts

    tokenizer = subject.tokenizer()

    def inputs(text: str) -> dict[str, Ints]:
        input_ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        return inputs_of(names, input_ids, np.ones_like(input_ids))

    texts = calibration_texts()
    model = openvino.Core().read_model(subject.reference_graph)
    names = [value.any_name for value in model.inputs]
    dataset = nncf.Dataset(texts, inputs)
    quantized = nncf.quantize(model, dataset, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(texts))
    openvino.save_model(quantized, folder / "model.xml", compress_to_fp16=False)


def load_openvino(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """Load the model into OpenVINO's CPU plugin in its default precision, with `streams` streams."""
    import threading

    import openvino

    hint = "LATENCY" if streams == 1 else "THROUGHPUT"
    settings = {"PERFORMANCE_HINT": hint, "NUM_STREAMS": str(streams), "INFERENCE_NUM_THREADS": str(threads)}
    compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", settings)
    names = [value.any_name for value in compiled.inputs]
    own = threading.local()

    def hidden(input_ids: Ints, mask: Ints) -> FloatArray:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        states: FloatArray = own.request.infer(inputs_of(names, input_ids, mask))[0]
        return states

    return padded_encode(subject, hidden, streams=streams)
