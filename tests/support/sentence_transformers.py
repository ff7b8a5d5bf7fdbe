"""Folders of sentence-transformers, laid out by hand as its versions did, and the vectors of the installed version."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray

from tests.support.folders import write_json

MEAN: Mapping[str, object] = {"pooling_mode_mean_tokens": True}

TEXTS = (
    "Loss of Il6 in mice (Il6-/-) delayed clearance of Listeria monocytogenes by 3.5 days.",
    "Sepsis",
    "Patients received 5 mg/kg i.v. every 8 h; trough levels stayed below 2 ug/mL.",
    "",
    "A second biopsy, taken from the margin of the lesion, showed fibrosis and a sparse infiltrate of lymphocytes, "
    "without granulomas, acid-fast bacilli or any sign of malignancy, and so the steroid was tapered over six weeks.",
)


def old_folder(
    checkpoint: Path,
    folder: Path,
    *,
    pooling: Mapping[str, object] = MEAN,
    inside: str = "",
    kind: str = "Transformer",
    package: str = "sentence_transformers.models",
    settings: Mapping[str, object] | None = None,
    settings_file: str = "sentence_bert_config.json",
    more: Sequence[str] = (),
    prompts: object = None,
) -> Path:
    """`folder`: the encoder of `checkpoint` in the folder `inside` of it, Pooling, and the kinds of module in `more`.

    The module with index i of `more` has the folder "{i + 2}_{kind}", which the caller fills.
    """
    shutil.copytree(checkpoint, folder / inside)
    write_json(folder / inside / "tokenizer_config.json", {"do_lower_case": False, "tokenizer_class": "BertTokenizer"})
    write_json(folder / inside / settings_file, {"max_seq_length": 77, "do_lower_case": False} | dict(settings or {}))
    dim = json.loads((checkpoint / "config.json").read_text())["hidden_size"]
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dim} | dict(pooling))
    listed = [(kind, inside), ("Pooling", "1_Pooling"), *((each, f"{i}_{each}") for i, each in enumerate(more, 2))]
    write_json(
        folder / "modules.json",
        [
            {"idx": index, "name": str(index), "path": path, "type": f"{package}.{each}"}
            for index, (each, path) in enumerate(listed)
        ],
    )
    if prompts is not None:
        write_json(folder / "config_sentence_transformers.json", prompts)
    return folder


def write_dense(
    folder: Path, inputs: int, outputs: int, *, bias: bool = True, as_pickle: bool = False, **config: object
) -> None:
    """Fill the `folder` of a Dense with seeded weights and a config that names no activation but that of `config`."""
    torch.manual_seed(outputs)
    tensors = torch.nn.Linear(inputs, outputs, bias=bias).state_dict(prefix="linear.")
    write_json(folder / "config.json", {"in_features": inputs, "out_features": outputs, "bias": bias} | config)
    _save(folder, dict(tensors), as_pickle=as_pickle)


def write_layer_norm(folder: Path, size: int) -> None:
    """Fill the `folder` of a LayerNorm of `size` channels with seeded weights."""
    torch.manual_seed(size)
    tensors = {"norm.weight": torch.rand(size) + 0.5, "norm.bias": torch.randn(size)}
    write_json(folder / "config.json", {"dimension": size})
    _save(folder, tensors, as_pickle=False)


def _save(folder: Path, tensors: dict[str, torch.Tensor], *, as_pickle: bool) -> None:
    if as_pickle:
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        safetensors.torch.save_file(tensors, folder / "model.safetensors")


def sentence_transformer(*arguments: Any, **options: Any) -> Any:
    """The installed sentence-transformers' model on the CPU; skips the test where there is none."""
    theirs = pytest.importorskip("sentence_transformers")
    return theirs.SentenceTransformer(*map(str, arguments), device="cpu", **options)


def onnx_backend(artifact: Path) -> Any:
    """Their model on the artifact's model.onnx; skips the test where their backend lacks optimum."""
    pytest.importorskip("optimum.onnxruntime", reason="the ONNX backend of sentence-transformers needs optimum")
    return sentence_transformer(
        artifact, backend="onnx", model_kwargs={"file_name": "model.onnx", "provider": "CPUExecutionProvider"}
    )


def their_vectors(folder: Path, texts: Sequence[str] = TEXTS, **options: Any) -> NDArray[np.float32]:
    """The vectors (texts, dim) that sentence-transformers gives each of `texts` alone."""
    vectors: NDArray[np.float32] = sentence_transformer(folder).encode(list(texts), batch_size=1, **options)
    return vectors


def saved_by_theirs(encoder: Path, folder: Path, *modules: Any, **options: Any) -> Path:
    """`folder` as the installed sentence-transformers saves Transformer(`encoder`) and `modules`."""
    theirs = pytest.importorskip("sentence_transformers")
    whole = [theirs.models.Transformer(str(encoder), **options), *modules]
    theirs.SentenceTransformer(modules=whole, device="cpu").save(str(folder))
    return folder
