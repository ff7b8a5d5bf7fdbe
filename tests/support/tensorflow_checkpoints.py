"""Checkpoints in dmis-lab's layout, written by TensorFlow itself from those that PyTorch reads."""

import json
import re
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

Variables = dict[str, NDArray[np.generic]]

V1_1 = "model.ckpt-1000000"
V1_0 = "biobert_model.ckpt"

CONFIG_KEYS = (
    "attention_probs_dropout_prob",
    "hidden_act",
    "hidden_dropout_prob",
    "hidden_size",
    "initializer_range",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "type_vocab_size",
    "vocab_size",
)
"""All that bert_config.json of BERT's first code holds: no model_type, no layer_norm_eps."""


def unchanged(variables: Variables) -> Variables:
    return variables


def write_tensorflow(
    checkpoint: Path,
    folder: Path,
    *,
    prefix: str = V1_1,
    slots: Sequence[str] = ("adam_m", "adam_v"),
    shards: int = 1,
    change: Callable[[Variables], Variables] = unchanged,
) -> Path:
    """`folder`, with the weights of `checkpoint`, its pre-training heads and its optimizer's `slots`."""
    variables = tensorflow_variables(checkpoint)
    heads = {
        "cls/predictions/output_bias": np.ones(7, np.float32),
        "cls/predictions/transform/dense/kernel": np.ones((3, 2), np.float32),
        "cls/predictions/transform/LayerNorm/gamma": np.ones(2, np.float32),
        "cls/seq_relationship/output_weights": np.ones((2, 3), np.float32),
    }
    of_training = {f"{name}/{slot}": np.full_like(array, 7) for name, array in variables.items() for slot in slots}
    step = {"global_step": np.array(1_000_000, dtype=np.int64)}
    folder.mkdir(parents=True)
    save(folder / prefix, change(variables | heads | of_training | step), shards=shards)
    (folder / f"{prefix}.meta").write_bytes(b"the graph of training, which nobody reads")
    config = json.loads((checkpoint / "config.json").read_text())
    (folder / "bert_config.json").write_text(json.dumps({key: config[key] for key in CONFIG_KEYS}))
    (folder / "vocab.txt").write_bytes((checkpoint / "vocab.txt").read_bytes())
    return folder


def tensorflow_variables(checkpoint: Path) -> Variables:
    """The weights of `checkpoint` under the names, and the kernels with the sides, that BERT's first code gave them."""
    variables: Variables = {}
    for name, array in safetensors.numpy.load_file(checkpoint / "model.safetensors").items():
        new = "bert/" + re.sub(r"layer\.(\d+)", r"layer_\1", name).replace(".", "/")
        new = new.replace("LayerNorm/weight", "LayerNorm/gamma").replace("LayerNorm/bias", "LayerNorm/beta")
        new = new.replace("_embeddings/weight", "_embeddings")
        kernel = new.endswith("/weight")
        variables[new.removesuffix("weight") + "kernel" if kernel else new] = array.T if kernel else array
    return variables


def save(prefix: Path, variables: Variables, *, shards: int) -> None:
    """Save `variables` by the operator that TensorFlow 1's Saver runs, in as many `shards`."""
    import tensorflow

    names = sorted(variables)
    parts = [f"{prefix}_part_{number}" for number in range(shards)]
    for number, part in enumerate(parts):
        own = names[number::shards]
        tensors = [tensorflow.constant(variables[name]) for name in own]
        slices = [""] * len(own)
        tensorflow.raw_ops.SaveV2(prefix=part, tensor_names=own, shape_and_slices=slices, tensors=tensors)
    tensorflow.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(prefix))


def pack(folder: Path, archive: Path) -> Path:
    """`archive`, .tar or .tar.gz, of `folder` under its own name."""
    with tarfile.open(archive, "w:gz" if archive.suffix in (".gz", ".tgz") else "w") as tar:
        tar.add(folder, arcname=folder.name)
    return archive
