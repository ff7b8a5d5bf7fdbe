"""Vectors of tokens are transformers' hidden states, their places its fast tokenizer's; which artifacts have them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import BertModel, BertTokenizerFast

from benchmarks.standin import write_standin
from biobert_onnx import ArtifactError, Manifest, SentenceEncoder
from biobert_onnx.artifact.paths import TOKENS_GRAPH
from biobert_onnx_export import export
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.errors import FidelityError
from biobert_onnx_export.gate.measure import check_token_parity
from biobert_onnx_export.graph.artifact_graphs import token_layers, write_graphs
from biobert_onnx_export.graph.network import float_plan, layer_input
from tests.support.checkpoints import TINY
from tests.support.engines import needs_kernels
from tests.support.texts import TEXTS

LONG = " ".join(TEXTS) * 4


@pytest.fixture(scope="module")
def exported(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float32 artifact."""
    folder = tmp_path_factory.mktemp("tokens") / "fp32"
    export(tiny_checkpoint, folder, precision="fp32")
    return folder


@pytest.mark.parametrize("layers", ["last", "mean_last_four"])
def test_vectors_and_places_are_those_of_transformers(tiny_checkpoint: Path, exported: Path, layers: str) -> None:
    model = BertModel.from_pretrained(tiny_checkpoint).eval()
    tokenizer = BertTokenizerFast(str(tiny_checkpoint / "vocab.txt"), do_lower_case=False)
    encoder = SentenceEncoder(exported)
    texts = [*TEXTS, "An added [MASK] token", "Crème brûlée e\u0301"]
    for text, item in zip(texts, encoder.encode_tokens(texts, layers=layers), strict=True):
        encoding = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        with torch.inference_mode():
            hidden = model(torch.tensor([encoding["input_ids"]]), output_hidden_states=True).hidden_states
        expected = (hidden[-1] if layers == "last" else torch.stack(hidden[-4:]).mean(dim=0))[0].numpy()
        assert np.abs(item.embeddings - expected).max() <= 1e-5 * np.abs(expected).max()
        assert item.offsets.tolist() == [list(pair) for pair in encoding["offset_mapping"]]
        assert item.special.tolist() == [bool(each) for each in encoding["special_tokens_mask"]]
        assert item.word_ids.tolist() == [-1 if word is None else word for word in encoding.word_ids()]


def test_a_cut_text_has_the_tokens_of_transformers(tiny_checkpoint: Path, exported: Path) -> None:
    tokenizer = BertTokenizerFast(str(tiny_checkpoint / "vocab.txt"), do_lower_case=False)
    encoding = tokenizer(LONG, return_offsets_mapping=True, truncation=True, max_length=30)
    with pytest.warns(UserWarning, match="1 of 1 texts"):
        (item,) = SentenceEncoder(exported, max_length=30).encode_tokens([LONG])
    assert item.offsets.tolist() == [list(pair) for pair in encoding["offset_mapping"]]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_cls_and_pooler_have_vectors_of_tokens_only_if_they_are_asked_for(
    tiny_checkpoint: Path, tmp_path: Path, precision: str
) -> None:
    without = export(tiny_checkpoint, tmp_path / "without", pooling="cls", precision=precision)
    with_tokens = export(tiny_checkpoint, tmp_path / "with", pooling="cls", precision=precision, tokens=True)
    assert (without.token_layers, without.token_dim) == ([], 0) and TOKENS_GRAPH not in without.files
    assert (with_tokens.token_layers, with_tokens.token_dim) == (["last", "mean_last_four"], TINY.hidden_size)
    for name in without.files.keys() - {"README.md"}:
        assert without.files[name] == with_tokens.files[name], name
    with pytest.raises(ArtifactError, match="export it again with tokens=True"):
        SentenceEncoder(tmp_path / "without").encode_tokens(TEXTS)
    encoder = SentenceEncoder(tmp_path / "with")
    firsts = [item.embeddings[0] for item in encoder.encode_tokens(TEXTS)]
    assert np.abs(firsts - encoder.encode(TEXTS)).max() <= 1e-5 * np.abs(firsts).max()


@needs_kernels
def test_both_engines_give_nearly_the_same_vectors_of_tokens(tiny_checkpoint: Path, tmp_path: Path) -> None:
    export(tiny_checkpoint, tmp_path / "int8", pooling="cls+mean")
    assert Manifest.read(tmp_path / "int8").dim == 2 * TINY.hidden_size
    export(tiny_checkpoint, tmp_path / "mean", pooling="mean")
    for layers in ("last", "mean_last_four"):
        onnx = SentenceEncoder(tmp_path / "int8").encode_tokens(TEXTS, layers=layers)
        kernels = SentenceEncoder(tmp_path / "mean", engine="kernels").encode_tokens(TEXTS, layers=layers)
        for left, right in zip(onnx, kernels, strict=True):
            products = (left.embeddings * right.embeddings).sum(axis=1)
            lengths = np.linalg.norm(left.embeddings, axis=1) * np.linalg.norm(right.embeddings, axis=1)
            assert (products / lengths).min() > 0.99


def test_a_network_of_three_layers_has_no_mean_of_four(tmp_path: Path) -> None:
    config = type(TINY)(**{**TINY.to_dict(), "num_hidden_layers": 3})
    write_standin(tmp_path / "shallow", config)
    assert token_layers(Checkpoint.read(str(tmp_path / "shallow")), "mean", tokens=False) == ["last"]
    manifest = export(tmp_path / "shallow", tmp_path / "artifact", precision="fp32")
    assert manifest.token_layers == ["last"]
    with pytest.raises(ValueError, match=r"layers is 'mean_last_four', but .* has last alone"):
        SentenceEncoder(tmp_path / "artifact").encode_tokens(TEXTS, layers="mean_last_four")


def test_a_tokens_graph_that_computes_something_else_is_found(tiny_checkpoint: Path, tmp_path: Path) -> None:
    source = Checkpoint.read(str(tiny_checkpoint))
    write_graphs(source, float_plan(source), tmp_path, pooling="mean", token_layers=["last", "mean_last_four"])
    token_ids = [[2, 30, 40, 3], [2, 50, 3]]
    check_token_parity(tmp_path, token_ids)
    graph = onnx.load(tmp_path / TOKENS_GRAPH, load_external_data=False)
    (last,) = (node for node in graph.graph.node if "token_embeddings" in node.output)
    last.input[0] = layer_input(1)
    onnx.save(graph, tmp_path / TOKENS_GRAPH)
    with pytest.raises(FidelityError, match=r"the float32 tokens\.onnx differs from model\.onnx by .*: report it"):
        check_token_parity(tmp_path, token_ids)
