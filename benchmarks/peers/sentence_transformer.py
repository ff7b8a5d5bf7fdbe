"""sentence-transformers, on PyTorch and on its own ONNX exports."""

import shutil
from pathlib import Path
from typing import Any

from benchmarks.harness.subjects import MAX_LENGTH, Subject
from benchmarks.peers.contender import Load, Prepare
from benchmarks.peers.padded import Encode


def save_sentence_transformers(backend: str) -> Prepare:
    """Return a function that saves the checkpoint with mean pooling by sentence-transformers for `backend`."""

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
    import transformers

    tokenizer = getattr(transformers, subject.tokenizer_class)(
        tokenizer_file=str(subject.tokenizer_file),
        do_lower_case=not subject.cased,
        model_max_length=MAX_LENGTH,
    )
    tokenizer.save_pretrained(folder)


def save_qint8(subject: Subject, folder: Path) -> None:
    """Export by sentence-transformers' own dynamic int8 quantization, of the kind it documents for this CPU."""
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
    """Return a function that loads SentenceTransformer, which sorts and pads by itself."""

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
