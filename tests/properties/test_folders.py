"""Folders of random traits export to the token ids and vectors of their own loader, or are refused by name."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from biobert_onnx import SentenceEncoder
from biobert_onnx._types import FloatArray
from biobert_onnx_export import CheckpointError, export
from tests.properties.strategies import texts
from tests.support.few_texts import few_texts
from tests.support.folders import TEXTS
from tests.support.traits import (
    AS_IT_IS,
    CONTRADICTIONS,
    MPNET_SPECIAL,
    POSITIONS,
    PREFIXES,
    SPECIAL,
    Added,
    Sentence,
    Traits,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries, and of texts that are cut

MORE_TEXTS = (
    "<E1> BRCA1 </E1> in Olaparib",
    "x<E1>y <e1> olaparib-treated  Brca1, patients",
    " <G>gene <g> [MASK] [UNK]x olaparib",
    "Ünit of 患者 é É ünit İß",
    "most of the genes in the tumour were found " * 8,
)
"""Texts with added tokens in any case, special tokens written out, and one that is longer than any limit."""

TOLERANCE = 1e-3
"""The largest difference of vectors, relative to the largest number; rounding alone gives about 1e-6."""

EXAMPLES = max(100, settings().max_examples)

FLAG = st.booleans()
SETTING = st.sampled_from((None, True, False))
TOKENS = ("<G>", "olaparib", "BRCA1", "患者", "treated-patients", "gene")
FLAGS = st.fixed_dictionaries(dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), FLAG))
ACTIVATIONS = (
    *(f"torch.nn.modules.activation.{name}" for name in ("Tanh", "ReLU", "LeakyReLU", "GELU", "Sigmoid")),
    *("torch.nn.modules.linear.Identity", "torch.nn.Tanh"),
)
LEGACY = ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens")
LAYOUTS = ("safetensors", "pickle", "both", "safetensors shards", "pickle shards")
KINDS = {
    "Bert": (
        *("BertModel", "BertModel", "BertForTokenClassification", "BertForSequenceClassification"),
        *("BertForMaskedLM", "BertForPreTraining", "BertForQuestionAnswering"),
    ),
    "Electra": ("ElectraModel", "ElectraForPreTraining", "ElectraForTokenClassification"),
    "DistilBert": ("DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"),
    "MPNet": ("MPNetModel", "MPNetForMaskedLM", "MPNetForSequenceClassification"),
    "Roberta": ("RobertaModel", "RobertaForMaskedLM", "RobertaForQuestionAnswering"),
}
CLASSES = {family: (f"{family}Tokenizer", f"{family}TokenizerFast") for family in KINDS}
MARKER_FILES = ("special_tokens_map.json", "tokenizer_config.json", "no file")
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean")

bert_normalizers = st.fixed_dictionaries(
    {
        "type": st.just("BertNormalizer"),
        "clean_text": FLAG,
        "handle_chinese_chars": FLAG,
        "strip_accents": SETTING,
        "lowercase": FLAG,
    }
)
plain_normalizers = st.sampled_from(("Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents")).map(
    lambda kind: {"type": kind}
)
sequences = st.lists(st.one_of(bert_normalizers, plain_normalizers), max_size=3).map(
    lambda parts: {"type": "Sequence", "normalizers": parts}
)
replacing = st.just({"type": "Replace", "pattern": {"String": "ß"}, "content": "ss"})
normalizers = st.one_of(
    *(st.none(), bert_normalizers, bert_normalizers, sequences, plain_normalizers),
    *(st.none(), bert_normalizers, bert_normalizers, sequences, replacing),
)


def seldom(strategy: st.SearchStrategy[Any], default: Any, *, of: int = 12) -> st.SearchStrategy[Any]:
    """`strategy` in one of `of` examples, else `default`."""
    return st.integers(0, of - 1).flatmap(lambda number: strategy if number == of - 1 else st.just(default))


@st.composite
def denses(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    config: dict[str, Any] = {"out_features": draw(st.integers(4, 20)), "bias": draw(FLAG)}
    if draw(FLAG):
        softplus = st.just("torch.nn.modules.activation.Softplus")
        config["activation_function"] = draw(seldom(softplus, draw(st.sampled_from(ACTIVATIONS))))
    return "Dense", config


modules = st.one_of(
    denses(), st.sampled_from((("LayerNorm", {}), ("Normalize", {}), ("Dropout", {"dropout": 0.5}), ("Normalize", {})))
)


@st.composite
def poolings(draw: st.DrawFn) -> dict[str, Any]:
    form = draw(st.sampled_from(("flags", "text", "list", "nothing")))
    if form == "flags":
        chosen = draw(st.lists(st.sampled_from(LEGACY), min_size=0, max_size=3, unique=True))
        config: dict[str, Any] = {f"pooling_mode_{key}": key in chosen for key in LEGACY}
        config |= draw(seldom(st.just({"pooling_mode_lasttoken": True}), {}))
    elif form == "text":
        config = {"pooling_mode": draw(seldom(st.just("lasttoken"), draw(st.sampled_from(MODES))))}
    elif form == "list":
        config = {"pooling_mode": draw(st.lists(st.sampled_from(MODES), min_size=1, max_size=3))}
    else:
        config = {}
    return config | draw(st.fixed_dictionaries({}, optional={"include_prompt": seldom(st.just(False), True)}))


@st.composite
def prompts(draw: st.DrawFn) -> dict[str, Any]:
    named = draw(
        st.dictionaries(
            st.sampled_from(("query", "passage", "gene")), st.sampled_from(("", "Gene: ", "<E1>", "olapa", "É "))
        )
    )
    default = draw(st.sampled_from((None, "query", *named)))
    return {
        "prompts": named,
        "default_prompt_name": default,
        "similarity_fn_name": draw(st.sampled_from((None, "dot"))),
    }


transformer_settings = st.fixed_dictionaries(
    {}, optional={"max_seq_length": st.sampled_from((None, 8, 17, POSITIONS)), "do_lower_case": FLAG}
)


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    kind = draw(seldom(st.just("BERT"), "Transformer", of=6))
    return Sentence(
        place=draw(st.sampled_from(("", f"0_{kind}"))),
        kind=kind,
        new=kind != "BERT" and draw(FLAG),
        transformer=draw(transformer_settings),
        pooling=draw(poolings()),
        after=tuple(draw(st.lists(modules, max_size=4))),
        prompts=draw(st.none() | prompts()),
    )


@st.composite
def added(draw: st.DrawFn, places: Sequence[str]) -> Added:
    contents = draw(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=3, unique=True))
    return Added(where=draw(st.sampled_from(places)), flags={content: draw(FLAGS) for content in contents})


def prefixes(family: str) -> st.SearchStrategy[str]:
    own = PREFIXES[family]
    return st.sampled_from(("", "", own, "module.", f"module.{own}", "model.", "0.auto_model."))


@st.composite
def roberta_folders(draw: st.DrawFn) -> Traits:
    """Traits of folders whose tokenizer is byte-level BPE, with vocab.json and merges.txt."""
    optional = {"add_prefix_space": FLAG, "model_max_length": st.sampled_from((None, 16, POSITIONS, 512, int(1e30)))}
    return Traits(
        words="cased",
        settings={"tokenizer_class": "RobertaTokenizer", **draw(st.fixed_dictionaries({}, optional=optional))},
        buffers=draw(FLAG),
        padding=draw(st.sampled_from((0, 0, 1, 64))),
        kind=draw(st.sampled_from(KINDS["Roberta"])),
        prefix=draw(prefixes("Roberta")),
        old_names=draw(FLAG),
        layout=draw(st.sampled_from(LAYOUTS)),
        dtype=draw(st.sampled_from(("float32", "float32", "float16", "bfloat16", "float64"))),
        sentence=draw(st.none() | sentences()),
    )


@st.composite
def folders(draw: st.DrawFn) -> Traits:
    """Traits that can stand together; one folder in a dozen contradicts itself."""
    contradiction = draw(seldom(st.sampled_from(sorted(CONTRADICTIONS)), None))
    kind = draw(st.sampled_from(KINDS[draw(st.sampled_from(("Bert", "Bert", "Electra", "DistilBert", "MPNet")))]))
    family = next(name for name, kinds in KINDS.items() if kind in kinds)
    special = MPNET_SPECIAL if family == "MPNet" else SPECIAL
    two = contradiction == "two vocabularies"
    files = "both" if two else draw(st.sampled_from(("vocab.txt", "vocab.txt", "tokenizer.json", "both")))
    has_json = files != "vocab.txt"
    classes = (*CLASSES[family], *([AS_IT_IS, AS_IT_IS] if has_json else []))
    optional = {
        **dict.fromkeys(("do_lower_case", "strip_accents", "tokenize_chinese_chars"), SETTING),
        "do_basic_tokenize": FLAG,
        "tokenizer_class": st.sampled_from(classes),
        "model_max_length": st.sampled_from((None, 16, POSITIONS, 512, int(1e30))),
    }
    lists = ("added_tokens_decoder", *(("tokenizer.json", "every file") if has_json else ()))
    whole = contradiction in ("no such prompt", "a Dense of another size", "more tokens than positions")
    sentence: Sentence | None = draw(sentences() if whole else st.none() | sentences())
    if sentence is not None and contradiction == "a Dense of another size":
        sentence = replace(sentence, after=(draw(denses()), *sentence.after))
    chosen = draw(st.fixed_dictionaries({}, optional=optional))
    as_it_is = chosen.get("tokenizer_class") == AS_IT_IS  # which then has no [PAD] of its own
    return Traits(
        words=draw(st.sampled_from(("uncased", "stray capitals", "cased"))),
        files=files,
        settings=chosen,
        normalizer=draw(normalizers) if has_json else None,
        cut=has_json and draw(FLAG),
        longest_word=draw(st.sampled_from((100, 4))) if has_json else 100,
        lists_special=draw(seldom(st.just(False), True, of=4)),
        named=draw(st.sampled_from((tuple(special), ("unk_token", "pad_token"), *(() if as_it_is else ((),))))),
        mark=files != "tokenizer.json" and draw(seldom(st.just(True), False, of=6)),
        line_end=draw(st.sampled_from(("\n", "\r\n"))),
        buffers=draw(FLAG),
        markers=None if family == "MPNet" else draw(st.none() | st.sampled_from((*lists, *MARKER_FILES))),
        added=draw(st.none() | added((*lists, "added_tokens.json"))),
        padding=draw(st.sampled_from((0, 0, 1, 64))),
        kind=kind,
        prefix=draw(prefixes(family)),
        old_names=draw(FLAG),
        layout="safetensors" if contradiction == "two encoders" else draw(st.sampled_from(LAYOUTS)),
        dtype=draw(st.sampled_from(("float32", "float32", "float16", "bfloat16", "float64"))),
        sentence=sentence,
        contradiction=contradiction,
    )


class Theirs:
    """The loader of a folder: sentence-transformers where modules.json lies, else transformers and mean pooling."""

    def __init__(self, folder: Path, sentence: Sentence | None) -> None:
        self.prompt = "" if sentence is None else sentence.prompt
        self._whole: Any = None
        if sentence is not None:
            from sentence_transformers import SentenceTransformer

            self._whole = SentenceTransformer(str(folder), device="cpu").float()
            self._tokenizer = self._whole[0].tokenizer
            self.limit = self._whole[0].max_seq_length = min(self._whole[0].max_seq_length, POSITIONS)
        else:
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
            self._model = AutoModel.from_pretrained(folder).float().eval()
            self.limit = min(self._tokenizer.model_max_length, POSITIONS)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text with its prompt, as long as they are."""
        ids: list[list[int]] = self._tokenizer([self.prompt + text for text in texts], truncation=False)["input_ids"]
        return ids

    def vectors(self, texts: Sequence[str]) -> FloatArray:
        """The vectors of `texts`, each alone, (texts, dim) float32."""
        if self._whole is not None:
            whole: FloatArray = self._whole.encode(list(texts), batch_size=1)
            return whole
        rows = []
        for text in texts:
            inputs = self._tokenizer(text, return_tensors="pt", truncation=True, max_length=self.limit)
            with torch.inference_mode():
                rows.append(self._model(**inputs).last_hidden_state[0].mean(dim=0).numpy())
        return np.stack(rows)


@pytest.fixture(scope="module", autouse=True)
def short_exports() -> Any:
    with few_texts():
        yield


@settings(max_examples=EXAMPLES)
@given(traits=folders() | roberta_folders(), more=st.lists(texts, max_size=2))
def test_a_folder_exports_to_what_its_loader_computes_or_is_refused_by_name(traits: Traits, more: list[str]) -> None:
    with tempfile.TemporaryDirectory() as work:
        artifact = Path(work) / "artifact"
        try:
            manifest = export(traits.write(Path(work) / "folder"), artifact, precision="fp32")
        except CheckpointError as error:
            event(f"{traits.family} refused")
            refusals = list(traits.refusals())
            assert any(re.search(refusal, str(error)) for refusal in refusals), f"{error}, explained: {refusals}"
            return
        event(f"{traits.family} exported")
        assert traits.contradiction is None
        theirs = Theirs(traits.told().write(Path(work) / "told"), traits.sentence)
        tried = [*TEXTS, *MORE_TEXTS, *more]
        tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
        found = [encoding.ids for encoding in tokenizer.encode_batch([theirs.prompt + text for text in tried])]
        assert found == theirs.token_ids(tried)
        encoder = SentenceEncoder(artifact)
        assert encoder.max_length == manifest.max_length == theirs.limit
        vectors, expected = encoder.encode(tried), theirs.vectors(tried)
        assert vectors.shape == expected.shape
        assert np.abs(vectors - expected).max() <= TOLERANCE * np.abs(expected).max()
