"""The checkpoint's folder as the ecosystem's own loaders read it: transformers, or sentence-transformers.

This module imports torch and transformers, and `SentenceTransformersLoader` sentence-transformers, which takes many
seconds: import it where it is used.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer
from tokenizers.normalizers import Lowercase, Normalizer
from tokenizers.normalizers import Sequence as NormalizerSequence

from biobert_onnx._types import FloatArray, TokenIds
from biobert_onnx_export.checkpoint.added_tokens import FLAGS
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.config import config_file
from biobert_onnx_export.checkpoint.file_kinds import is_there
from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.checkpoint.normalization import lowercases
from biobert_onnx_export.checkpoint.tokenizer_families import BERT
from biobert_onnx_export.checkpoint.tokenizer_files import CONFIG, TokenizerFiles
from biobert_onnx_export.reference.after_pooling import apply
from biobert_onnx_export.reference.pytorch import one_thread_a_run, pytorch_hidden_states, state_dict
from biobert_onnx_export.reference.vectors import pool, vectors_of

BATCH_SIZE = 32
"""Texts that sentence-transformers encodes at once, padded: it sorts them by length first."""


class TransformersLoader:
    """AutoTokenizer and the family's model of a folder.

    What only sentence-transformers has is done here: its lower-casing, the prompt, pooling and what follows it.
    """

    def __init__(self, folder: Path, checkpoint: Checkpoint, *, pooling: str) -> None:
        """Load `folder`; `checkpoint` gives the pooler's weights and the number of positions."""
        self.name = f"transformers {transformers.__version__}"
        self._checkpoint, self._pooling = checkpoint, pooling
        with quiet():
            self._tokenizer = load_tokenizer(folder)
            if checkpoint.modules.lower_case:
                _lowercase_first(self._tokenizer)
            family = checkpoint.geometry.family
            config = getattr(transformers, f"{family.transformers}Config").from_json_file(config_file(folder))
            model_class = getattr(transformers, family.model_class)
            model = model_class.from_pretrained(folder, config=config, local_files_only=True)
            self._model = model.float().eval()
        own = checkpoint.modules.transformer.max_seq_length
        self._limit = own or min(self._tokenizer.model_max_length, checkpoint.geometry.positions)

    def token_ids(self, texts: Sequence[str]) -> TokenIds:
        """Return the token ids of each text with its prompt, cut as transformers cuts it."""
        prompted = [self._checkpoint.modules.prompts.default_text + text for text in texts]
        with quiet():
            ids: TokenIds = self._tokenizer(prompted, truncation=True, max_length=self._limit)["input_ids"]
        return ids

    def vectors(self, texts: Sequence[str]) -> FloatArray:
        """Return the pooled vectors of `texts`, (texts, dim) float32."""
        with one_thread_a_run():
            return vectors_of(self._pooled, self.token_ids(texts), dim=self._checkpoint.dim(self._pooling))

    def set_words(self, normalizer: Normalizer, longest_word: int) -> None:
        """Replace the tokenizer's normalizer, and the number of characters of the longest word that it looks up."""
        set_words(self._tokenizer, normalizer, longest_word)

    def set_max_length(self, max_length: int) -> None:
        """Cut texts to `max_length` tokens."""
        self._limit = max_length

    def set_pad_token(self, token: str) -> None:
        """Pad with `token`."""
        self._tokenizer.pad_token = token

    def set_tensors(self) -> None:
        """Replace the model's tensors by those of the checkpoint."""
        load_tensors(self._model, self._checkpoint)

    def _pooled(self, input_ids: NDArray[np.int64]) -> FloatArray:
        pooled = pool(pytorch_hidden_states(self._model, input_ids), self._checkpoint, self._pooling)
        return apply(self._checkpoint.modules.after_pooling, pooled)


class SentenceTransformersLoader:
    """The SentenceTransformer of a folder, with the default prompt that it puts before each text."""

    def __init__(self, folder: Path, checkpoint: Checkpoint) -> None:
        """Load `folder`."""
        from sentence_transformers import SentenceTransformer

        self.name = f"sentence-transformers {version('sentence-transformers')}"
        self._checkpoint = checkpoint
        with quiet():
            self._model: Any = SentenceTransformer(str(folder), device="cpu", local_files_only=True).float().eval()

    def token_ids(self, texts: Sequence[str]) -> TokenIds:
        """Return the token ids of each text with its prompt, cut as sentence-transformers cuts it."""
        prompt = self._model.prompts.get(self._model.default_prompt_name, "")
        with quiet():
            ids: TokenIds = self._tokenizer([prompt + text for text in texts], truncation=True)["input_ids"]
        return ids

    def vectors(self, texts: Sequence[str]) -> FloatArray:
        """Return the vectors of `texts`, (texts, dim) float32."""
        with quiet(), torch.inference_mode():
            vectors: FloatArray = self._model.encode(list(texts), batch_size=BATCH_SIZE, show_progress_bar=False)
        return vectors

    def set_words(self, normalizer: Normalizer, longest_word: int) -> None:
        """Replace the tokenizer's normalizer, and the number of characters of the longest word that it looks up."""
        set_words(self._tokenizer, normalizer, longest_word)

    def set_max_length(self, max_length: int) -> None:
        """Cut texts to `max_length` tokens."""
        self._model.max_seq_length = max_length

    def set_pad_token(self, token: str) -> None:
        """Pad with `token`."""
        self._tokenizer.pad_token = token

    def set_tensors(self) -> None:
        """Replace the encoder's tensors by those of the checkpoint."""
        load_tensors(self._model[0].auto_model, self._checkpoint)

    @property
    def _tokenizer(self) -> Any:
        return self._model[0].tokenizer


Loader = TransformersLoader | SentenceTransformersLoader


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of `folder` as AutoTokenizer does; settings that are null in its config are left out.

    Additional special tokens that are objects are given as transformers 4 reads them: transformers 5 refuses them.
    Code that lies in the folder does not run.
    """
    settings = read_json(folder / CONFIG) if is_there(folder / CONFIG) else {}
    unset = [key for key in ("do_lower_case", "tokenize_chinese_chars") if key in settings and settings[key] is None]
    defaults: dict[str, Any] = dict.fromkeys(unset, True) | _special_tokens(folder)
    is_old = "model_type" not in read_json(config_file(folder))  # AutoTokenizer does not know such a config
    if is_old and TokenizerFiles.read(folder).family is BERT:
        return transformers.BertTokenizerFast.from_pretrained(folder, local_files_only=True, **defaults)
    return transformers.AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, **defaults
    )


def _special_tokens(folder: Path) -> dict[str, Any]:
    """Return the additional special tokens of special_tokens_map.json, if it counts and lists one as an object."""
    files, key = TokenizerFiles.read(folder), "additional_special_tokens"
    listed = files.special_tokens_map.get(key)
    if files.lists_added_tokens or not isinstance(listed, list) or not any(isinstance(each, dict) for each in listed):
        return {}
    return {key: [_special_token(each) if isinstance(each, dict) else each for each in listed]}


def _special_token(entry: Mapping[str, Any]) -> AddedToken:
    flags = {name: entry[name] for name in FLAGS if name in entry}
    return AddedToken(entry["content"], **{**flags, "special": True})


def _lowercase_first(tokenizer: Any) -> None:
    """Lower-case texts before transformers' `tokenizer` does anything, as sentence-transformers' do_lower_case does.

    A tokenizer that lower-cases anyhow stays as it is.
    """
    backend = tokenizer.backend_tokenizer
    state = json.loads(backend.to_str())["normalizer"]
    if state is None:
        backend.normalizer = Lowercase()
    elif not lowercases(state):
        backend.normalizer = NormalizerSequence([Lowercase(), backend.normalizer])


def set_words(tokenizer: Any, normalizer: Normalizer, longest_word: int) -> None:
    """Replace the normalizer of transformers' `tokenizer`, and the number of characters of its longest word.

    Added tokens are read anew, so that they are looked for in texts that this normalizer has normalized.
    """
    tokenizer.backend_tokenizer.normalizer = normalizer
    tokenizer.backend_tokenizer.model.max_input_chars_per_word = longest_word
    tokenizer._tokenizer = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())


def load_tensors(model: Any, checkpoint: Checkpoint) -> None:
    """Put the tensors of `checkpoint` into `model`, its family's; every parameter but the pooler's must be there."""
    missing = model.load_state_dict(state_dict(checkpoint), strict=False).missing_keys
    assert not [name for name in missing if not name.startswith(("pooler.", "embeddings.position_ids"))], missing


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' progress bars, notes and warnings off the terminal: the comparison says what matters."""
    bars = transformers.utils.logging
    loggers = [logging.getLogger(name) for name in ("transformers", "sentence_transformers")]
    levels, shows_bars = [logger.level for logger in loggers], bars.is_progress_bar_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bars.disable_progress_bar()
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if shows_bars:
                bars.enable_progress_bar()
