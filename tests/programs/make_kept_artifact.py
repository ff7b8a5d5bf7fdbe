"""Makes the kept artifacts of the present format, in int8 and in float32, with vectors of theirs.

python tests/programs/make_kept_artifact.py [FOLDER], by default tests/data/format-N. Run it when the format's number
rises, and keep the manifest of the number before in tests/data as format-N-manifest.json.
"""

import json
import shutil
import string
import sys
import tempfile
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from biobert_onnx import SentenceEncoder
from biobert_onnx.artifact.manifest import FORMAT
from biobert_onnx_export import export

TEXTS = ["", "the gene", "The BRCA1 gene in cells, and a protein of it.", "protein " * 25]
"""Texts whose vectors are kept: none, short, with capitals and unknown words, and one that is cut."""

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = [*string.ascii_lowercase, *string.digits, *".,;:()-%/"]
WORDS = ["the", "of", "in", "and", "gene", "protein", "cell", "cells", "patients", "with", "mutation", "it", "a"]
TOKENS = [*SPECIAL, *CHARACTERS, *(f"##{each}" for each in CHARACTERS), *(word for word in WORDS if len(word) > 1)]

SEED = 7


def main(target: Path) -> None:
    """Write the artifacts and vectors.json into `target`, a new folder or one to replace."""
    with tempfile.TemporaryDirectory() as work:
        checkpoint = write_checkpoint(Path(work) / "tiny")
        made = Path(work) / "made"
        made.mkdir()
        vectors = {}
        for precision in ("int8", "fp32"):
            export(checkpoint, made / precision, precision=precision)
            vectors[precision] = SentenceEncoder(made / precision).encode(TEXTS).tolist()
        (made / "vectors.json").write_text(json.dumps({"texts": TEXTS, **vectors}), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target)


def write_checkpoint(folder: Path) -> Path:
    """Write a seeded BERT of one layer, uncased, with mean pooling and unit length."""
    torch.manual_seed(SEED)
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "num_hidden_layers": 1}
    config = BertConfig(vocab_size=len(TOKENS), max_position_embeddings=32, initializer_range=0.3, **sizes)
    BertModel(config).eval().save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {"do_lower_case": True})
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]
    write_json(
        folder / "modules.json", [{"idx": number, "name": str(number), **each} for number, each in enumerate(modules)]
    )
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "data" / f"format-{FORMAT}")
