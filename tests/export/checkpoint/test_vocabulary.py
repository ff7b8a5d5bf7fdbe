"""Tokenization is transformers', with the vocabulary of vocab.txt or tokenizer.json."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import BertTokenizerFast

from benchmarks.inputs.corpus import bundled_texts
from benchmarks.inputs.minilm import minilm_checkpoint
from biobert_onnx_export import CheckpointError
from biobert_onnx_export.checkpoint.vocabulary import Vocabulary
from tests.support.checkpoints import copy_of
from tests.support.folders import write_tokenizer_json
from tests.support.texts import TEXTS

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
HARD = (
    "Éléonore's naïve façade; ÅNGSTRÖM ﬁ ligature",
    "null\x00 bell\x07 soft\u00adhyphen \u200bzero\ufeffwidth",
    "患者は発熱した 한국어 עברית العربية",
    "a" * 101 + " " + "b" * 100,
    "[CLS] written out [SEP] and [MASK]",
    "😀 emoji, \U0001d6fc bold alpha",
    "decomposed e\u0301, with a break e\u200b\u0301",
    "\u212b is an angstrom, \u2126 an ohm, \uf900 a compatibility ideograph",
)

BLOCKS = (
    *((0x00, 0x20), (0x20, 0x7F), (0x7F, 0x180), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0x980)),
    *((0xE00, 0xE80), (0x1100, 0x1200), (0x2000, 0x2070), (0x2100, 0x2200), (0x3000, 0x3100), (0x4E00, 0x4F00)),
    *((0xAC00, 0xAD00), (0xF900, 0xFA00), (0xFB00, 0xFB50), (0xFE00, 0xFE10), (0xFF00, 0xFFF0)),
    *((0x1D400, 0x1D500), (0x1F600, 0x1F650), (0x20000, 0x20050), (0xE0000, 0xE0080)),
)
"""Code points: control characters, scripts, combining and format characters, symbols, variation selectors, tags."""


@pytest.fixture(params=["cased", "uncased"])
def checkpoint(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return tiny_checkpoint if request.param == "cased" else minilm_checkpoint(tmp_path)


def vocabulary_of(checkpoint: Path) -> Vocabulary:
    return Vocabulary.read(checkpoint, size=len((checkpoint / "vocab.txt").read_text(encoding="utf-8").splitlines()))


def test_token_ids_equal_those_of_transformers(checkpoint: Path) -> None:
    vocabulary = vocabulary_of(checkpoint)
    expected = BertTokenizerFast(str(checkpoint / "vocab.txt"), do_lower_case=not vocabulary.cased)
    tokenizer = vocabulary.tokenizer()
    for text in [*bundled_texts(), *TEXTS, *HARD]:
        assert tokenizer.encode(text).ids == expected(text)["input_ids"], text


def random_lines(count: int) -> Iterator[str]:
    """Lines of words, very long words, and runs of characters of one block, with blanks of four kinds between."""
    rng = random.Random(5)
    words = " ".join(bundled_texts()).split()

    def word() -> str:
        kind = rng.random()
        if kind < 0.6:
            return rng.choice(words)
        if kind < 0.62:
            return rng.choice(words) * rng.randint(10, 30)
        block = rng.choice(BLOCKS)
        drawn = [chr(rng.randrange(*block)) for _ in range(rng.randint(1, 6))]
        return "".join(drawn)

    for _ in range(count):
        yield "".join(word() + rng.choice(("", " ", "\t", "\u00a0")) for _ in range(rng.randint(0, 12)))


def test_token_ids_of_ten_thousand_random_lines_equal_transformers(checkpoint: Path) -> None:
    vocabulary = vocabulary_of(checkpoint)
    expected = BertTokenizerFast(str(checkpoint / "vocab.txt"), do_lower_case=not vocabulary.cased)
    tokenizer = vocabulary.tokenizer()
    for line in random_lines(10_000):
        assert tokenizer.encode(line).ids == expected(line)["input_ids"], ascii(line)


def test_casing_is_decided_by_capital_letters_in_the_vocabulary(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert vocabulary_of(tiny_checkpoint).casing == "cased"
    assert vocabulary_of(minilm_checkpoint(tmp_path)).casing == "uncased"


def test_settings_of_tokenizer_config_are_kept(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = copy_of(tiny_checkpoint, tmp_path / "copy")
    (folder / "tokenizer_config.json").write_text(json.dumps({"strip_accents": True, "tokenize_chinese_chars": False}))
    tokenizer = vocabulary_of(folder).tokenizer()
    assert tokenizer.normalizer.normalize_str("Éa 患者") == "Ea 患者"


def test_the_vocabulary_inside_tokenizer_json_is_the_same(checkpoint: Path, tmp_path: Path) -> None:
    vocabulary = vocabulary_of(checkpoint)
    vocabulary.tokenizer().save(str(tmp_path / "tokenizer.json"))
    assert Vocabulary.read(tmp_path, size=len(vocabulary.tokens)).tokens == vocabulary.tokens


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {}}}))
    with pytest.raises(CheckpointError, match="has a model 'BPE', expected 'WordPiece'"):
        Vocabulary.read(tmp_path, size=5)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([*SPECIAL, "a", "a"], "6 different tokens in 7 entries: download the vocabulary"),
        ([*SPECIAL, "a"], "has 6 tokens and 0 added ones, expected 5, the vocab_size"),
        ([*SPECIAL[:-1], "a", "b", "c"], r"lacks \[MASK\]"),
    ],
)
def test_a_damaged_vocabulary_is_refused(tmp_path: Path, tokens: list[str], message: str) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n")
    with pytest.raises(CheckpointError, match=message):
        Vocabulary.read(tmp_path, size=5)


def test_a_vocabulary_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n\xff\n")
    with pytest.raises(CheckpointError, match=r"vocab\.txt' cannot be read as UTF-8 text .*: download it again"):
        Vocabulary.read(tmp_path, size=2)


def test_a_tokenizer_with_gaps_in_its_ids_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join((*SPECIAL, "a")) + "\n")
    write_tokenizer_json(tmp_path, model={"type": "WordPiece", "vocab": {"[PAD]": 0, "a": 2}})
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(CheckpointError, match=r"has gaps in its token ids: give the vocab\.txt instead"):
        Vocabulary.read(tmp_path, size=2)


def test_the_artifact_stores_no_truncation_and_no_padding(artifact: Path) -> None:
    content = json.loads((artifact / "tokenizer.json").read_text(encoding="utf-8"))
    assert (content["truncation"], content["padding"]) == (None, None)
    assert content["normalizer"]["lowercase"] is False
