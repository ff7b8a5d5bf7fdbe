"""Folders of checkpoints by their traits: what may stand in each file, and what a loader must be told to read it right.

Nothing here asks the code under test: `Traits.told` and `Traits.refusals` follow from the traits alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers

from tests.support.folders import CASED, SCIBERT_LIKE, STRAYS, UNCASED, write_json, write_tokenizer_json
from tests.support.tokenizers import MPNET_CASED, MPNET_UNCASED, byte_level_bpe, write_roberta_tokenizer

VOCABULARIES: Mapping[str, Sequence[str]] = {"uncased": UNCASED, "stray capitals": SCIBERT_LIKE, "cased": CASED}

MPNET_VOCABULARIES: Mapping[str, Sequence[str]] = {
    "uncased": MPNET_UNCASED,
    "stray capitals": (*MPNET_UNCASED, *STRAYS),
    "cased": MPNET_CASED,
}

MARKERS = ("<E1>", "</E1>")
"""Written over [unused1] and [unused2]."""

SPECIAL = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP", "MASK")}

MPNET_SPECIAL = {
    **{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]", "sep_token": "</s>"},
    **{"pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>"},
}

PREFIXES = {
    "Bert": "bert.",
    "Electra": "electra.",
    "DistilBert": "distilbert.",
    "MPNet": "mpnet.",
    "Roberta": "roberta.",
}
"""The families by the first word of transformers' classes, and the prefix of each one's encoder in a model with a head.
"""

ANCHOR = "embeddings.word_embeddings.weight"

HIDDEN = 16
POSITIONS = 48

NEW_PLACES = {
    "Transformer": "sentence_transformers.base.modules.transformer",
    "Dense": "sentence_transformers.base.modules.dense",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling",
    "LayerNorm": "sentence_transformers.sentence_transformer.modules.layer_norm",
    "Normalize": "sentence_transformers.sentence_transformer.modules.normalize",
    "Dropout": "sentence_transformers.sentence_transformer.modules.dropout",
}
"""Where sentence-transformers has had its modules since 5.4."""

OLD_PLACE = "sentence_transformers.models"

AS_IT_IS = "PreTrainedTokenizerFast"
"""The class that takes tokenizer.json as it is."""

SAVED: Mapping[str, Any] = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
"""The normalizer that transformers saves by default."""

NULL_IS_DEFAULT = ("do_lower_case", "tokenize_chinese_chars")
"""Settings whose null transformers 4.57 cannot load."""

CONTRADICTIONS: Mapping[str, str] = {
    "two vocabularies": r"vocab\.txt' has .*tokenizer\.json' has",
    "two encoders": "contradict each other",
    "no such prompt": "default_prompt_name",
    "a Dense of another size": "takes vectors of",
    "too few rows": "expected .*, the vocab_size of its config",
    "more tokens than positions": "max_seq_length in sentence_bert_config",
}
"""Pairs of files that contradict each other, and the words of the error."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """Added tokens: their `flags` by their contents, and `where`, the file that lists them."""

    where: str
    flags: Mapping[str, Mapping[str, bool]]


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """What a folder of sentence-transformers has beside its encoder.

    `place` and `kind`: the encoder's folder and module; `new`: whether modules have the paths of versions from 5.4 on.
    `transformer`, `pooling`, `prompts`: the contents of their files, None for no file. `after`: the modules behind
    Pooling, each its kind and settings.
    """

    place: str = ""
    kind: str = "Transformer"
    new: bool = False
    transformer: Mapping[str, Any] | None = None
    pooling: Mapping[str, Any]
    after: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    prompts: Mapping[str, Any] | None = None

    @property
    def prompt(self) -> str:
        """The text before every text."""
        prompts = self.prompts or {}
        return str((prompts.get("prompts") or {}).get(prompts.get("default_prompt_name"), ""))

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of pooling that the file names; mean for none."""
        named = self.pooling.get("pooling_mode")
        if named is not None:
            return (named,) if isinstance(named, str) else tuple(named)
        flags = [key for key, value in self.pooling.items() if key.startswith("pooling_mode_") and value]
        return tuple(flags) or ("mean",)


@dataclass(frozen=True, kw_only=True)
class Traits:
    """A checkpoint's folder.

    `words`: a key of VOCABULARIES. `files`: vocab.txt, tokenizer.json or both. `settings`: of tokenizer_config.json.
    `normalizer`: that of tokenizer.json, None for what transformers saves. `cut`: whether tokenizer.json cuts and pads;
    `longest_word`: its max_input_chars_per_word; `lists_special`: whether it lists BERT's special tokens as added ones.
    `named`: the special tokens that tokenizer_config.json names. `mark`: whether vocab.txt begins with a byte-order
    mark, `line_end`: the end of its lines. `buffers`: whether the weights hold constants too, as old ones do.
    `markers`: the file that lists MARKERS, None for a vocabulary without them. `padding`: rows without a token.
    `kind`: the model's class. `layout`, `dtype`: of the weights. `contradiction`: a key of CONTRADICTIONS.
    """

    words: str = "uncased"
    files: str = "vocab.txt"
    settings: Mapping[str, Any]
    normalizer: Mapping[str, Any] | None = None
    cut: bool = False
    longest_word: int = 100
    lists_special: bool = True
    named: tuple[str, ...] = ()
    mark: bool = False
    line_end: str = "\n"
    buffers: bool = False
    markers: str | None = None
    added: Added | None = None
    padding: int = 0
    kind: str = "BertModel"
    prefix: str = ""
    old_names: bool = False
    layout: str = "safetensors"
    dtype: str = "float32"
    sentence: Sentence | None = None
    contradiction: str | None = None

    @property
    def family(self) -> str:
        """The key of PREFIXES that `kind` begins with."""
        return next(name for name in PREFIXES if self.kind.startswith(name))

    @property
    def special(self) -> Mapping[str, str]:
        """The special tokens by the names that transformers gives them."""
        return MPNET_SPECIAL if self.family == "MPNet" else SPECIAL

    @property
    def is_under_known_prefix(self) -> bool:
        """Whether transformers finds the encoder under `prefix`."""
        return self.prefix in ("", PREFIXES[self.family])

    @property
    def tokens(self) -> tuple[str, ...]:
        """The vocabulary in the order of its ids."""
        if self.family == "Roberta":
            return tuple(byte_level_bpe()[0])
        if self.family == "MPNet":
            return tuple(MPNET_VOCABULARIES[self.words])
        over = dict(zip(("[unused1]", "[unused2]"), MARKERS, strict=True)) if self.markers else {}
        return tuple(over.get(token, token) for token in VOCABULARIES[self.words])

    @property
    def is_bert(self) -> bool:
        """Whether the tokenizer is of the class BertTokenizer."""
        return self.settings.get("tokenizer_class") != AS_IT_IS

    @property
    def casing_is_told(self) -> bool:
        """Whether a file says that texts are lower-cased, or are not.

        A BertNormalizer that keeps capitals agrees with a cased vocabulary, but transformers does not ask it.
        """
        by_module = self.sentence is not None and bool((self.sentence.transformer or {}).get("do_lower_case"))
        normalizer = self.normalizer or SAVED
        lowers = bool(normalizer["type"] != "BertNormalizer" or normalizer["lowercase"])
        by_normalizer = self.files != "vocab.txt" and lowers
        return not self.is_bert or self.settings.get("do_lower_case") is not None or by_module or by_normalizer

    def told(self) -> "Traits":
        """Return the same folder without the traps that its loader falls into, each replaced by plain words.

        A cased vocabulary of a folder that says nothing would be lower-cased; null is no setting; a byte-order
        mark is no part of the first token; under a prefix of others no tensor is found; the module BERT has been called
        Transformer for years. And the loader normalizes added tokens when it reads them, and texts by a normalizer that
        it may set afterwards.
        """
        settings = {
            key: value
            for key, value in self.settings.items()
            if key != "do_basic_tokenize" and (value is not None or key not in NULL_IS_DEFAULT)
        }
        if self.words == "cased" and self.family != "Roberta" and not self.casing_is_told:
            settings["do_lower_case"] = False
        sentence = self.sentence and replace(self.sentence, kind="Transformer")
        prefix = self.prefix if self.is_under_known_prefix else ""
        plain = replace(self, settings=settings, prefix=prefix, sentence=sentence, mark=False)
        return plain if self.added is None else plain._with_one_normalizer()

    def _with_one_normalizer(self) -> "Traits":
        """Return the folder whose tokenizer.json has the one normalizer of texts and of the tokens added to them."""
        normalizer = self.normalizer or SAVED
        if self.is_bert and normalizer["type"] == "BertNormalizer":
            normalizer = {
                "type": "BertNormalizer",
                "clean_text": normalizer["clean_text"],
                "handle_chinese_chars": self._splits_chinese(normalizer),
                "strip_accents": self.settings.get("strip_accents"),
                "lowercase": self.settings.get("do_lower_case", True),
            }
        transformer = (self.sentence and self.sentence.transformer) or {}
        if self.sentence is None or not transformer.get("do_lower_case"):
            return replace(self, normalizer=normalizer)
        sequence = {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, normalizer]}
        files = "both" if self.files == "vocab.txt" else self.files
        sentence = replace(self.sentence, transformer={**transformer, "do_lower_case": False})
        return replace(self, files=files, normalizer=sequence, sentence=sentence)

    def _splits_chinese(self, normalizer: Mapping[str, Any]) -> bool:
        """Whether Chinese characters are words; MPNet's class of transformers 4 leaves that to tokenizer.json."""
        if self.family == "MPNet" and self.files != "vocab.txt":
            return bool(normalizer["handle_chinese_chars"])
        return bool(self.settings.get("tokenize_chinese_chars", True))

    def refusals(self) -> Iterator[str]:
        """Yield the words of each error that a trait explains."""
        if self.contradiction is not None:
            yield CONTRADICTIONS[self.contradiction]
        if self.normalizer is not None and "Replace" in json.dumps(self.normalizer):
            yield "has the normalizer 'Replace', expected one of"
        if self.sentence is not None:
            yield from self._sentence_refusals(self.sentence)

    def _sentence_refusals(self, sentence: Sentence) -> Iterator[str]:
        if any("lasttoken" in mode for mode in sentence.modes):
            yield "lasttoken.* does not export"
        texts = ((sentence.prompts or {}).get("prompts") or {}).values()
        if sentence.pooling.get("include_prompt") is False and any(texts):
            yield "include_prompt .*not supported"
        for kind, settings in sentence.after:
            if kind == "Dense" and "Softplus" in (settings.get("activation_function") or ""):
                yield "activation_function .*Softplus"

    def write(self, folder: Path) -> Path:
        """Write the folder; returns it."""
        encoder = folder / (self.sentence.place if self.sentence else "")
        encoder.mkdir(parents=True)
        self._write_tokenizer(encoder)
        self._write_weights(encoder)
        if self.sentence is not None:
            _write_sentence(folder, encoder, self.sentence, self.contradiction)
        return folder

    def _entries(self) -> list[dict[str, Any]]:
        """List the added tokens as tokenizer.json does, with their ids."""
        if self.added is None:
            return []
        known = {token: number for number, token in enumerate(self.tokens)}
        for content in self.added.flags:
            known.setdefault(content, len(known))
        return [{"id": known[content], "content": content, **flags} for content, flags in self.added.flags.items()]

    def _marker_entries(self) -> list[dict[str, Any]]:
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        return [{"id": self.tokens.index(marker), "content": marker, **flags} for marker in MARKERS]

    def _write_tokenizer(self, folder: Path) -> None:
        if self.family == "Roberta":
            write_roberta_tokenizer(folder, self.settings)
            return
        self._write_vocabulary(folder, self.tokens)
        entries: dict[str, list[dict[str, Any]]] = {"tokenizer.json": [], "added_tokens_decoder": []}
        for where, listed in ((self.markers, self._marker_entries), (self.added and self.added.where, self._entries)):
            for name in ("tokenizer.json", "added_tokens_decoder"):
                if where in (name, "every file"):
                    entries[name] += listed()
        if self.files != "vocab.txt":
            self._write_tokenizer_json(folder, entries["tokenizer.json"])
        if self.files == "tokenizer.json":
            (folder / "vocab.txt").unlink()
        elif self.contradiction == "two vocabularies":
            other = [{"tumour": "growth"}.get(token, token) for token in self.tokens]
            self._write_vocabulary(folder, other)
        elif self.mark or self.line_end != "\n":
            self._write_vocabulary(folder, self.tokens, start="\ufeff" if self.mark else "", end=self.line_end)
        self._write_settings(folder, entries["added_tokens_decoder"])

    def _write_vocabulary(self, folder: Path, tokens: Sequence[str], *, start: str = "", end: str = "\n") -> None:
        content = start + "".join(token + end for token in tokens)
        (folder / "vocab.txt").write_text(content, encoding="utf-8", newline="")

    def _write_tokenizer_json(self, folder: Path, entries: list[dict[str, Any]]) -> None:
        write_tokenizer_json(folder, tokenizer="MPNetTokenizerFast" if self.family == "MPNet" else "BertTokenizerFast")
        content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        special = content["added_tokens"] if self.lists_special else []
        content["added_tokens"] = sorted([*special, *entries], key=lambda entry: int(entry["id"]))
        content["model"]["max_input_chars_per_word"] = self.longest_word
        if self.normalizer is not None:
            content["normalizer"] = self.normalizer
        if self.cut:
            content["truncation"] = {"max_length": 9, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
            content["padding"] = {
                "strategy": {"Fixed": 9},
                **{"direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0},
                "pad_token": self.special["pad_token"],
            }
        write_json(folder / "tokenizer.json", content)

    def _write_settings(self, folder: Path, decoder: list[dict[str, Any]]) -> None:
        settings: dict[str, Any] = {**self.settings, **{name: self.special[name] for name in self.named}}
        if decoder:
            settings["added_tokens_decoder"] = {str(entry["id"]): _without(entry, "id") for entry in decoder}
        if self.markers == "tokenizer_config.json":
            settings["additional_special_tokens"] = list(MARKERS)
        if settings:
            write_json(folder / "tokenizer_config.json", settings)
        if self.markers == "special_tokens_map.json":
            write_json(folder / "special_tokens_map.json", {**SPECIAL, "additional_special_tokens": list(MARKERS)})
        if self.added is not None and self.added.where in ("added_tokens.json", "every file"):
            write_json(folder / "added_tokens.json", {entry["content"]: entry["id"] for entry in self._entries()})

    def _write_weights(self, folder: Path) -> None:
        rows = len({*self.tokens, *(self.added.flags if self.added else ())}) + self.padding
        if self.contradiction == "too few rows":
            rows = len(self.tokens) - 1
        config = _config(self.family, rows)
        content = {**config.to_dict(), "architectures": [self.kind], "torch_dtype": self.dtype}
        write_json(folder / "config.json", content)
        tensors = _tensors(self.kind, rows)
        if self.kind == f"{self.family}Model" or not self.is_under_known_prefix:
            tensors = {self.prefix + name: tensor for name, tensor in tensors.items()}
        if self.buffers:
            prefix = next(name.removesuffix(ANCHOR) for name in tensors if name.endswith(ANCHOR))
            tensors[f"{prefix}embeddings.position_ids"] = torch.arange(POSITIONS).unsqueeze(0)
        if self.old_names:
            tensors = {_old_name(name): tensor for name, tensor in tensors.items()}
        dtype = getattr(torch, self.dtype)
        tensors = {name: each.to(dtype) if each.is_floating_point() else each for name, each in tensors.items()}
        _save(folder, tensors, self.layout)
        if self.contradiction == "two encoders":
            torch.save(_tensors(f"{self.family}Model", rows + 1), folder / "pytorch_model.bin")


@cache
def _config(family: str, rows: int) -> transformers.PretrainedConfig:
    sizes: dict[str, Any] = {
        "hidden_size": HIDDEN,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 2 * HIDDEN,
        "max_position_embeddings": POSITIONS + (2 if family in ("MPNet", "Roberta") else 0),
    }
    if family == "DistilBert":
        names = {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads"}
        sizes = {{**names, "intermediate_size": "hidden_dim"}.get(name, name): size for name, size in sizes.items()}
    if family == "Electra":
        sizes["embedding_size"] = HIDDEN // 2
    config: transformers.PretrainedConfig = getattr(transformers, f"{family}Config")(
        vocab_size=rows, initializer_range=0.3, **sizes
    )
    return config


@cache
def _tensors(kind: str, rows: int) -> dict[str, torch.Tensor]:
    """The tensors of a seeded model of this class."""
    torch.manual_seed(7)
    family = next(name for name in PREFIXES if kind.startswith(name))
    model = getattr(transformers, kind)(_config(family, rows))
    tied = set(model._tied_weights_keys or ())
    return {name: tensor.clone() for name, tensor in model.state_dict().items() if name not in tied}


def _old_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def _save(folder: Path, tensors: dict[str, torch.Tensor], layout: str) -> None:
    """Save `tensors` in one file or in two shards, as safetensors or as a pickle, or as both."""
    shards = layout.endswith("shards")
    if layout in ("safetensors", "both", "safetensors shards"):
        _save_files(folder, tensors, "model", ".safetensors", shards=shards)
    if layout in ("pickle", "both", "pickle shards"):
        _save_files(folder, tensors, "pytorch_model", ".bin", shards=shards)


def _save_files(folder: Path, tensors: dict[str, torch.Tensor], stem: str, suffix: str, *, shards: bool) -> None:
    names = sorted(tensors)
    parts = [names[::2], names[1::2]] if shards else [names]
    weight_map: dict[str, str] = {}
    for index, part in enumerate(parts, start=1):
        file = f"{stem}-{index:05}-of-{len(parts):05}{suffix}" if shards else f"{stem}{suffix}"
        weight_map |= dict.fromkeys(part, file)
        content = {name: tensors[name] for name in part}
        if suffix == ".bin":
            torch.save(content, folder / file)
        else:
            safetensors.torch.save_file(content, folder / file, {"format": "pt"})
    if shards:
        write_json(folder / f"{stem}{suffix}.index.json", {"metadata": {"total_size": 1}, "weight_map": weight_map})


def _write_sentence(folder: Path, encoder: Path, sentence: Sentence, contradiction: str | None) -> None:
    kinds = [(sentence.kind, sentence.place), ("Pooling", "1_Pooling")]
    kinds += [(kind, f"{index}_{kind}") for index, (kind, _) in enumerate(sentence.after, start=2)]
    places = NEW_PLACES if sentence.new else {}
    modules = [
        {"idx": index, "name": str(index), "path": place, "type": f"{places.get(kind, OLD_PLACE)}.{kind}"}
        for index, (kind, place) in enumerate(kinds)
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": HIDDEN, **sentence.pooling})
    transformer = dict(sentence.transformer or {})
    if contradiction == "more tokens than positions":
        transformer["max_seq_length"] = POSITIONS + 1
    if transformer:
        write_json(encoder / "sentence_bert_config.json", transformer)
    prompts = dict(sentence.prompts or {})
    if contradiction == "no such prompt":
        prompts["default_prompt_name"] = "nobody's"
    if prompts:
        write_json(folder / "config_sentence_transformers.json", prompts)
    size = HIDDEN * len(sentence.modes) + (contradiction == "a Dense of another size")
    for index, (kind, settings) in enumerate(sentence.after, start=2):
        size = _write_module(folder / f"{index}_{kind}", kind, settings, size)


def _write_module(folder: Path, kind: str, settings: Mapping[str, Any], size: int) -> int:
    """Write a module that takes vectors of `size` numbers; returns the size of those it gives."""
    folder.mkdir()
    torch.manual_seed(size)
    if kind == "Dense":
        outputs = int(settings["out_features"])
        linear = torch.nn.Linear(size, outputs, bias=settings["bias"])
        write_json(folder / "config.json", {"in_features": size, **settings})
        _save(folder, dict(linear.state_dict(prefix="linear.")), "pickle" if outputs % 2 else "safetensors")
        return outputs
    if kind == "LayerNorm":
        write_json(folder / "config.json", {"dimension": size})
        _save(folder, {"norm.weight": torch.rand(size) + 0.5, "norm.bias": torch.randn(size)}, "safetensors")
    elif kind == "Dropout":
        write_json(folder / "config.json", settings)
    return size


def _without(entry: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != key}
