"""Every encoder that is compared: how it is prepared from a checkpoint, and how it is loaded to encode.

`prepare` writes into the contender's own folder; its time is the export time. `load` takes threads and streams: for
throughput `streams` batches run side by side with threads / streams threads each, for latency it is 1. Imports are
inside, so that a contender's process holds nothing of the others. To add one: two functions and a line in CONTENDERS.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.padded import Encode, Floats, Ints, padded_encode
from benchmarks.subjects import MAX_LENGTH, Subject

Prepare = Callable[[Subject, Path], None]
Load = Callable[[Subject, Path, int, int], Encode]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One encoder to compare.

    `precision` is float32, bfloat16 or int8; `imports` are the modules that its start-up pays for; `streams`: it can
    run batches side by side; `batched`: its batch size is chosen by a sweep before it is measured.
    """

    precision: str
    imports: tuple[str, ...]
    prepare: Prepare
    load: Load
    streams: bool = False
    batched: bool = True


def nothing(subject: Subject, folder: Path) -> None:
    """The checkpoint is used as it is."""


def export_ours(precision: str) -> Prepare:
    """This project's export."""

    def prepare(subject: Subject, folder: Path) -> None:
        from biobert_onnx_export import export

        export(subject.checkpoint, folder / "artifact", precision=precision, max_length=MAX_LENGTH)

    return prepare


def load_ours(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """This project's runtime; it makes its own micro-batches."""
    from biobert_onnx import SentenceEncoder

    encoder = SentenceEncoder(folder / "artifact", threads=threads)
    return lambda texts, batch: encoder.encode(texts)


def load_pytorch(change: Callable[[Any], Any]) -> Load:
    """transformers' BertModel after `change`, eager."""

    def load(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
        import torch
        from transformers import BertModel, logging

        logging.set_verbosity_error()  # it would list the pooler's weights as unused
        torch.set_num_threads(threads)
        model = change(BertModel.from_pretrained(subject.checkpoint, add_pooling_layer=False).eval())

        @torch.inference_mode()
        def hidden(input_ids: Ints, mask: Ints) -> Floats:
            output = model(torch.from_numpy(input_ids), attention_mask=torch.from_numpy(mask))
            states: Floats = output.last_hidden_state.float().numpy()
            return states

        return padded_encode(subject, hidden, streams=1)

    return load


def to_bfloat16(model: Any) -> Any:
    """All weights and activations in bfloat16."""
    import torch

    return model.to(torch.bfloat16)


def to_dynamic_int8(model: Any) -> Any:
    """PyTorch's own dynamic quantization of the linear layers."""
    import warnings

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says that it is deprecated
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)


def save_sentence_transformers(backend: str) -> Prepare:
    """The checkpoint with mean pooling, saved by sentence-transformers for `backend`."""

    def prepare(subject: Subject, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.models import Normalize, Pooling, Transformer

        shutil.copytree(subject.checkpoint, folder / "base", ignore=shutil.ignore_patterns("*token*", "*Pooling"))
        _save_tokenizer(subject, folder / "base")
        transformer = Transformer(str(folder / "base"), max_seq_length=MAX_LENGTH)
        modules = [transformer, Pooling(subject.dim, "mean")]
        modules += [Normalize()] if subject.normalized else []
        SentenceTransformer(modules=modules).save_pretrained(str(folder / "model"))
        if backend == "onnx":
            exported = SentenceTransformer(
                str(folder / "model"), backend="onnx", model_kwargs={"export": True, "provider": "CPUExecutionProvider"}
            )
            exported.save_pretrained(str(folder / "model"))
            (folder / "model" / "model.safetensors").unlink(missing_ok=True)
        shutil.rmtree(folder / "base")

    return prepare


def _save_tokenizer(subject: Subject, folder: Path) -> None:
    from transformers import BertTokenizerFast

    tokenizer = BertTokenizerFast(
        tokenizer_file=str(subject.tokenizer_file),
        do_lower_case=not subject.cased,
        model_max_length=MAX_LENGTH,
    )
    tokenizer.save_pretrained(folder)


def save_qint8(subject: Subject, folder: Path) -> None:
    """sentence-transformers' own dynamic int8 export, of the kind it documents for this CPU."""
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    save_sentence_transformers("onnx")(subject, folder)
    model = SentenceTransformer(
        str(folder / "model"), backend="onnx", model_kwargs={"provider": "CPUExecutionProvider"}
    )
    export_dynamic_quantized_onnx_model(model, _cpu_kind(), str(folder / "model"))
    for path in (folder / "model" / "onnx").glob("model.onnx*"):
        path.unlink()
    next((folder / "model" / "onnx").glob("model_q*.onnx")).rename(folder / "model" / "onnx" / "model.onnx")


def _cpu_kind() -> str:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return "avx512_vnni" if "avx512_vnni" in flags else "avx2"


def load_sentence_transformers(backend: str) -> Load:
    """SentenceTransformer.encode, which sorts and pads by itself."""

    def load(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        options: dict[str, Any] = {}
        if backend == "onnx":
            import onnxruntime

            session = onnxruntime.SessionOptions()
            session.intra_op_num_threads = threads
            options = {"provider": "CPUExecutionProvider", "session_options": session}
        model = SentenceTransformer(str(folder / "model"), backend=backend, model_kwargs=options, device="cpu")
        return lambda texts, batch: model.encode(list(texts), batch_size=batch, show_progress_bar=False)

    return load


def quantize_usual(subject: Subject, folder: Path) -> None:
    """onnxruntime's transformer fusion and quantize_dynamic."""
    from benchmarks.usual_recipe import write_usual_int8

    write_usual_int8(subject.reference_graph, folder / "model.onnx", heads=subject.heads, hidden=subject.dim)
    for path in folder.glob("model.fused.onnx*"):
        path.unlink()


def load_onnxruntime(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """A plain onnxruntime session on model.onnx, called by `streams` threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads // streams
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def hidden(input_ids: Ints, mask: Ints) -> Floats:
        inputs = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        states: Floats = session.run(["last_hidden_state"], inputs)[0]
        return states

    return padded_encode(subject, hidden, streams=streams)


def convert_openvino(subject: Subject, folder: Path) -> None:
    """The reference graph in OpenVINO's format, weights in float32."""
    import openvino

    openvino.save_model(openvino.convert_model(subject.reference_graph), folder / "model.xml", compress_to_fp16=False)


def quantize_openvino(subject: Subject, folder: Path) -> None:
    """NNCF's post-training quantization with the transformer preset, on this project's calibration texts."""
    import nncf
    import openvino

    from biobert_onnx_export.texts import TextSets

    tokenizer = subject.tokenizer()

    def inputs(text: str) -> dict[str, Ints]:
        input_ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        return {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids), "token_type_ids": 0 * input_ids}

    texts = TextSets.read(None).calibration
    model = openvino.Core().read_model(subject.reference_graph)
    dataset = nncf.Dataset(list(texts), inputs)
    quantized = nncf.quantize(model, dataset, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(texts))
    openvino.save_model(quantized, folder / "model.xml", compress_to_fp16=False)


def load_openvino(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """OpenVINO's CPU plugin in its default precision, `streams` streams."""
    import threading

    import openvino

    hint = "LATENCY" if streams == 1 else "THROUGHPUT"
    settings = {"PERFORMANCE_HINT": hint, "NUM_STREAMS": str(streams), "INFERENCE_NUM_THREADS": str(threads)}
    compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", settings)
    own = threading.local()

    def hidden(input_ids: Ints, mask: Ints) -> Floats:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        inputs = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        states: Floats = own.request.infer(inputs)[0]
        return states

    return padded_encode(subject, hidden, streams=streams)


def convert_ctranslate2(subject: Subject, folder: Path) -> None:
    """CTranslate2's own converter, int8 weights."""
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(subject.checkpoint)).convert(str(folder / "model"), quantization="int8")


def load_ctranslate2(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """ctranslate2.Encoder; it takes token ids without padding and pads or packs by itself."""
    import ctranslate2

    encoder = ctranslate2.Encoder(
        str(folder / "model"), compute_type="int8", inter_threads=streams, intra_threads=threads // streams
    )

    def hidden(input_ids: Ints, mask: Ints) -> Floats:
        lists = [ids[:length].tolist() for ids, length in zip(input_ids, mask.sum(axis=1), strict=True)]
        return np.array(encoder.forward_batch(lists).last_hidden_state)

    return padded_encode(subject, hidden, streams=streams)


def load_fastembed(subject: Subject, folder: Path, threads: int, streams: int) -> Encode:
    """fastembed's custom model on this project's float32 artifact, its pooling and normalization."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        model="benchmark/subject",
        pooling=PoolingType.MEAN,
        normalization=subject.normalized,
        sources=ModelSource(hf="benchmark/subject"),
        dim=subject.dim,
        additional_files=["weights.bin"],
        model_file="model.onnx",
    )
    model = TextEmbedding("benchmark/subject", specific_model_path=str(folder / "artifact"), threads=threads)
    return lambda texts, batch: np.array(list(model.embed(list(texts), batch_size=batch)), dtype=np.float32)


REFERENCE = "PyTorch float32"
OURS = "biobert-onnx int8"

CONTENDERS = {
    REFERENCE: Contender(
        precision="float32",
        imports=("torch", "transformers.models.bert.modeling_bert", "tokenizers"),
        prepare=nothing,
        load=load_pytorch(lambda model: model),
    ),
    "PyTorch bfloat16": Contender(
        precision="bfloat16",
        imports=("torch", "transformers.models.bert.modeling_bert", "tokenizers"),
        prepare=nothing,
        load=load_pytorch(to_bfloat16),
    ),
    "PyTorch dynamic int8": Contender(
        precision="int8",
        imports=("torch", "transformers.models.bert.modeling_bert", "tokenizers"),
        prepare=nothing,
        load=load_pytorch(to_dynamic_int8),
    ),
    "sentence-transformers": Contender(
        precision="float32",
        imports=("sentence_transformers",),
        prepare=save_sentence_transformers("torch"),
        load=load_sentence_transformers("torch"),
    ),
    "sentence-transformers onnx": Contender(
        precision="float32",
        imports=("sentence_transformers",),
        prepare=save_sentence_transformers("onnx"),
        load=load_sentence_transformers("onnx"),
    ),
    "sentence-transformers onnx qint8": Contender(
        precision="int8",
        imports=("sentence_transformers",),
        prepare=save_qint8,
        load=load_sentence_transformers("onnx"),
    ),
    "onnxruntime usual int8": Contender(
        precision="int8",
        imports=("onnxruntime", "tokenizers"),
        prepare=quantize_usual,
        load=load_onnxruntime,
        streams=True,
    ),
    "OpenVINO": Contender(
        precision="float32",
        imports=("openvino", "tokenizers"),
        prepare=convert_openvino,
        load=load_openvino,
        streams=True,
    ),
    "OpenVINO int8 (NNCF)": Contender(
        precision="int8",
        imports=("openvino", "tokenizers"),
        prepare=quantize_openvino,
        load=load_openvino,
        streams=True,
    ),
    "CTranslate2 int8": Contender(
        precision="int8",
        imports=("ctranslate2", "tokenizers"),
        prepare=convert_ctranslate2,
        load=load_ctranslate2,
        streams=True,
    ),
    "fastembed": Contender(
        precision="float32", imports=("fastembed",), prepare=export_ours("fp32"), load=load_fastembed
    ),
    "biobert-onnx fp32": Contender(
        precision="float32",
        imports=("biobert_onnx",),
        prepare=export_ours("fp32"),
        load=load_ours,
        streams=True,
        batched=False,
    ),
    OURS: Contender(
        precision="int8",
        imports=("biobert_onnx",),
        prepare=export_ours("int8"),
        load=load_ours,
        streams=True,
        batched=False,
    ),
}
