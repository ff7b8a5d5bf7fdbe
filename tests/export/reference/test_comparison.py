"""A checkpoint as read here is held to the ecosystem's own loader; what no rule explains stops the export."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import transformers

from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.normalization import LOWERCASE, bert_state, sequence_state
from biobert_onnx_export.reference.comparison import Comparison, compare_with_loader
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.targets import Targets
from biobert_onnx_export.reference.texts import TextSets
from tests.support.checkpoints import edit_json
from tests.support.folders import CASED, SCIBERT_LIKE, UNCASED, write_checkpoint, write_json, write_tokenizer_json

TEXTS = TextSets.read(None)
FEW = replace(TEXTS, calibration=TEXTS.calibration[:20], held_out={"gated": TEXTS.held_out["gated"][:8]})


def compared(
    folder: Path,
    work: Path,
    *,
    change: Callable[[Checkpoint], Checkpoint] = lambda checkpoint: checkpoint,
    max_length: int | None = None,
    casing: str | None = None,
) -> Comparison:
    """Compare the checkpoint in `folder`, after a `change`, with its own loader on eight texts."""
    checkpoint = change(Checkpoint.read(str(folder), casing=casing))
    length, pooling = checkpoint.max_length(max_length), checkpoint.pooling(None)
    tokens = FEW.tokenize(checkpoint.vocabulary.tokenizer(), max_length=length)
    reference = Reference(checkpoint, work, pooling=pooling, samples=tokens.samples[:1])
    targets = Targets.of(reference, tokens)
    return compare_with_loader(checkpoint, FEW, targets, tokens.long_text, pooling=pooling, max_length=length)


@pytest.mark.parametrize("max_length", [None, 12])
def test_a_plain_checkpoint_is_what_transformers_loads(tmp_path: Path, max_length: int | None) -> None:
    folder = write_checkpoint(tmp_path / "plain", SCIBERT_LIKE)
    found = compared(folder, tmp_path, max_length=max_length)
    assert found.loader is not None and found.loader.startswith("transformers ")
    assert (found.texts, found.explained) == (8, ())
    assert found.largest_difference is not None and 0 < found.largest_difference < 1e-5
    assert str(found).startswith(f"compared with {found.loader} on 8 texts: equal token ids, vectors within ")


def in_sentence_transformers(folder: Path, *, encoder: str = "Transformer") -> Path:
    """`folder` with the list of the modules `encoder` and Pooling (cls), as sentence-transformers < 5.4 has them."""
    kinds = (("", encoder), ("1_Pooling", "Pooling"))
    write_json(
        folder / "modules.json",
        [
            {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for index, (path, kind) in enumerate(kinds)
        ],
    )
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 128, "pooling_mode_cls_token": True})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
    return folder


def test_a_folder_of_sentence_transformers_is_what_it_loads(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    folder = write_checkpoint(tmp_path / "folder", CASED, settings={"do_lower_case": False})
    found = compared(in_sentence_transformers(folder), tmp_path)
    assert found.loader is not None and found.loader.startswith("sentence-transformers ")
    assert found.explained == ()


@pytest.mark.parametrize("of", ["transformers", "sentence-transformers"])
def test_a_byte_order_mark_is_told_to_the_loader(tmp_path: Path, of: str) -> None:
    folder = write_checkpoint(tmp_path / "folder", UNCASED)
    if of == "sentence-transformers":
        pytest.importorskip("sentence_transformers")
        in_sentence_transformers(folder)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\ufeff" + vocabulary.read_text(encoding="utf-8"), encoding="utf-8")
    found = compared(folder, tmp_path)
    assert found.loader is not None and found.loader.startswith(f"{of} ")
    assert found.explained == ("vocabulary",)


def test_a_folder_that_sentence_transformers_refuses_is_compared_with_transformers(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    folder = write_checkpoint(tmp_path / "folder", UNCASED)
    found = compared(in_sentence_transformers(folder, encoder="BERT"), tmp_path)  # a name that it no longer knows
    assert found.loader is not None and found.loader.startswith("transformers ")
    assert "(sentence-transformers refuses the folder: ImportError: " in str(found)
    assert found.record()["reason"] == "sentence-transformers refuses the folder"


@pytest.mark.parametrize("words", [UNCASED, CASED])
def test_transformers_lower_cases_a_text_where_only_sentence_transformers_would(
    tmp_path: Path, words: Sequence[str]
) -> None:
    folder = in_sentence_transformers(write_checkpoint(tmp_path / "folder", words, settings={"do_lower_case": False}))
    write_json(folder / "sentence_bert_config.json", {"do_lower_case": True})
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 128})  # which names no mode
    found = compared(folder, tmp_path)
    assert found.loader is not None and found.loader.startswith("transformers ")
    assert found.explained == ()


@pytest.mark.parametrize(("casing", "settings"), [(None, None), ("uncased", {"do_lower_case": False})])
def test_a_casing_that_a_rule_explains_is_told_to_the_loader(
    tmp_path: Path, casing: str | None, settings: dict[str, object] | None
) -> None:
    found = compared(write_checkpoint(tmp_path / "folder", CASED, settings=settings), tmp_path, casing=casing)
    assert found.explained == ("casing",)
    assert str(found).endswith("once told of casing")


def test_what_transformers_5_leaves_out_of_tokenizer_json_is_told_to_it(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "folder", CASED, settings={"do_lower_case": False})
    keeps = bert_state(lowercase=False, strip_accents=None, chinese=True)
    write_tokenizer_json(folder, normalizer=sequence_state(LOWERCASE, keeps))
    is_of_version_5 = transformers.__version__.startswith("5.")
    assert compared(folder, tmp_path).explained == (("tokenizer.json",) if is_of_version_5 else ())


CAPITALIZED = next(
    word
    for word in " ".join(FEW.held_out["gated"]).split()
    if word.isalpha() and not word.islower() and word not in CASED
)
"""A word with a capital in one of the texts."""


@pytest.mark.parametrize(
    ("tokens", "settings", "in_json", "explained"),
    [
        (CASED, {}, False, ("casing",)),
        (CASED, {"do_lower_case": False}, False, ()),
        (CASED, {"do_lower_case": False}, True, ("added tokens",)),
        (UNCASED, {"do_basic_tokenize": False}, False, ("added tokens",)),
        (UNCASED, {"do_lower_case": True}, True, ()),
    ],
)
def test_added_tokens_are_looked_for_as_texts_are_normalized(
    tmp_path: Path, tokens: Sequence[str], settings: dict[str, object], in_json: bool, explained: tuple[str, ...]
) -> None:
    folder = write_checkpoint(tmp_path / "folder", tokens, rows=len(tokens) + 1)
    if in_json:
        write_tokenizer_json(folder)  # with a normalizer that lower-cases
    added = {str(len(tokens)): {"content": CAPITALIZED}}
    write_json(folder / "tokenizer_config.json", {**settings, "added_tokens_decoder": added})
    checkpoint = Checkpoint.read(str(folder))
    assert len(tokens) in checkpoint.vocabulary.tokenizer().encode(f"of {CAPITALIZED}").ids
    has_second = transformers.__version__ < "5" or explained != ("added tokens",)  # 5 sets no normalizer afterwards
    assert compared(folder, tmp_path).explained == (explained if has_second else ())
    named = any(rule.decision == "normalized as texts are" for rule in checkpoint.rules)
    assert named == bool(explained)


@pytest.mark.parametrize("flags", [{}, {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}])
def test_special_tokens_that_transformers_5_refuses_as_objects_are_given_to_it(
    tmp_path: Path, flags: dict[str, bool]
) -> None:
    tokens = ["patients" if token == "[unused1]" else token for token in UNCASED if token != "patients"]
    folder = write_checkpoint(tmp_path / "folder", tokens)
    write_json(
        folder / "special_tokens_map.json",
        {"additional_special_tokens": ["[unused2]", {"content": "patients"} | flags]},
    )
    found = compared(folder, tmp_path)
    assert (found.texts, found.explained) == (8, ())


def swapped(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with two tokens of its vocabulary in each other's place."""
    tokens = list(checkpoint.vocabulary.tokens)
    one, other = tokens.index("the"), tokens.index("of")
    tokens[one], tokens[other] = tokens[other], tokens[one]
    return replace(checkpoint, vocabulary=replace(checkpoint.vocabulary, tokens=tuple(tokens)))


def halved(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with another matrix."""
    name = "encoder.layer.0.attention.self.value.weight"
    return replace(checkpoint, tensors=checkpoint.tensors | {name: checkpoint.tensors[name] * np.float32(0.5)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            swapped,
            r"is read in another way by transformers .*: of '.*', token \d+ and after are 'the .*not 'of .*: no rule",
        ),
        (halved, r"transformers .* gives other vectors, by .* expected at most 0\.0001: no rule explains it"),
    ],
)
def test_a_difference_that_no_rule_explains_stops_the_export(
    tmp_path: Path, change: Callable[[Checkpoint], Checkpoint], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        compared(write_checkpoint(tmp_path / "folder", UNCASED), tmp_path, change=change)


def test_another_limit_than_the_loaders_stops_the_export(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "folder", UNCASED)

    def shortened(checkpoint: Checkpoint) -> Checkpoint:
        return replace(checkpoint, modules=replace(checkpoint.modules, tokenizer_limit=20))

    with pytest.raises(
        CheckpointError, match=r"is read in another way .* token 19 and after are .*\(64 tokens in all\)"
    ):
        compared(folder, tmp_path, change=shortened)


def test_what_no_library_loads_is_said(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "folder", UNCASED)
    archive = compared(folder, tmp_path, change=lambda checkpoint: replace(checkpoint, folder=None))
    assert str(archive) == "not compared with the folder's own loader: no library loads the weights of TensorFlow 1"


@pytest.mark.parametrize("name", ["bert_config.json", "config.json"])
def test_a_config_of_the_first_versions_is_compared_as_well(tmp_path: Path, name: str) -> None:
    folder = write_checkpoint(tmp_path / "folder", UNCASED)
    edit_json(folder / "config.json", model_type=None)
    (folder / "config.json").rename(folder / name)
    found = compared(folder, tmp_path)
    assert found.loader is not None and found.loader.startswith("transformers ")


def test_a_folder_that_its_loader_refuses_is_refused(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "folder", UNCASED)

    def damaged(checkpoint: Checkpoint) -> Checkpoint:
        (folder / "config.json").write_text("{}")
        return checkpoint

    with pytest.raises(CheckpointError, match="with what transformers reads of it, as transformers refuses"):
        compared(folder, tmp_path, change=damaged)
