"""Artifacts of drawn models, without export: what the kernels engine reads, and a tokenizer of single letters."""

import string
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from biobert_onnx import Manifest
from biobert_onnx.artifact.manifest import FileRecord
from biobert_onnx.artifact.paths import ENCODER_GRAPH, MODEL_GRAPH, PLAN, TOKENIZER, WEIGHTS
from tests.support.kernel_models import DrawnModel

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LETTERS = string.ascii_lowercase + string.digits
TOKENS = (*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS))


def write_artifact(drawn: DrawnModel, folder: Path) -> Path:
    """Write a drawn model of len(TOKENS) words into `folder`. Its graphs are empty: the kernels do not read them."""
    plan = drawn.write(folder)
    for name in (ENCODER_GRAPH, MODEL_GRAPH):
        (folder / name).write_bytes(b"")
    _tokenizer().save(str(folder / TOKENIZER))
    positions = plan.geometry["max_position_embeddings"]
    Manifest(
        name="drawn",
        dim=plan.geometry["hidden_size"],
        max_length=positions,
        max_positions=positions,
        pooling=plan.pooling,
        normalized=plan.makes_unit_length,
        precision="int8",
        casing="uncased",
        prompts={},
        include_prompt=True,
        pairs=plan.pairs,
        checkpoint={"source": "drawn", "weights": "none", "sha256": "0" * 64},
        versions={},
        quantization={},
        fidelity={},
        files={name: FileRecord.of(folder / name) for name in (ENCODER_GRAPH, MODEL_GRAPH, WEIGHTS, PLAN, TOKENIZER)},
    ).write(folder)
    return folder


def _tokenizer() -> Tokenizer:
    vocabulary = {token: index for index, token in enumerate(TOKENS)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    ends = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer
