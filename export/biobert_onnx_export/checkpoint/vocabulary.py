"""The WordPiece vocabulary of a checkpoint, its casing, and the tokenizer made from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import NFC, BertNormalizer, Sequence
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from biobert_onnx_export.checkpoint.json_files import read_json
from biobert_onnx_export.errors import CheckpointError

_CLEAN = BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)

SPECIAL_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
"""BERT's special tokens, by the names that transformers gives them."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Tokens in the order of their ids, and how a text is normalized before tokens are matched.

    `strip_accents` None follows the casing, as in BERT: an uncased vocabulary strips accents, a cased one keeps them.
    """

    tokens: tuple[str, ...]
    strip_accents: bool | None
    split_chinese: bool

    @classmethod
    def read(cls, folder: Path, *, size: int) -> Self:
        """Read the vocabulary of the checkpoint in `folder`: vocab.txt, or the one inside tokenizer.json.

        Raises CheckpointError if there is none, if it is no WordPiece vocabulary with BERT's special tokens, or if the
        number of different tokens is not `size`.
        """
        path = next((folder / name for name in ("vocab.txt", "tokenizer.json") if (folder / name).is_file()), None)
        if path is None:
            raise CheckpointError(
                f"'{folder}' holds neither vocab.txt nor tokenizer.json: download one beside the weights"
            )
        tokens = _tokens_of_text(path) if path.suffix == ".txt" else _tokens_of_json(path)
        if len(tokens) != size or len(set(tokens)) != size:
            raise CheckpointError(
                f"'{path}' has {len(set(tokens))} different tokens in {len(tokens)} entries, expected {size}, the "
                "vocab_size of its config: download the vocabulary that the checkpoint was trained with"
            )
        missing = sorted(set(SPECIAL_TOKENS.values()) - set(tokens))
        if missing:
            raise CheckpointError(f"'{path}' lacks {', '.join(missing)}: it is no BERT vocabulary")
        settings = folder / "tokenizer_config.json"
        config = read_json(settings) if settings.is_file() else {}
        return cls(
            tokens=tokens,
            strip_accents=config.get("strip_accents"),
            split_chinese=config.get("tokenize_chinese_chars", True),
        )

    @property
    def cased(self) -> bool:
        """Whether any token but the special ones holds a capital letter.

        The vocabulary alone decides: several BioBERT repositories have no tokenizer_config.json, and transformers then
        silently lower-cases texts for a cased vocabulary.
        """
        return any(token != token.lower() for token in self.tokens if not _is_special(token))

    @property
    def casing(self) -> str:
        """cased or uncased."""
        return "cased" if self.cased else "uncased"

    def tokenizer(self) -> Tokenizer:
        """Make BERT's tokenizer for this vocabulary: no truncation, no padding, explicit casing.

        It gives the tokens of transformers' BertTokenizer, which composes characters (NFC) after it cleans the text and
        before it lower-cases it; BertTokenizerFast does not compose.
        """
        ids = {token: index for index, token in enumerate(self.tokens)}
        tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
        tokenizer.normalizer = Sequence([_CLEAN, NFC(), self._case()])
        tokenizer.pre_tokenizer = BertPreTokenizer()
        tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(token, ids[token]) for token in ("[CLS]", "[SEP]")],
        )
        tokenizer.decoder = WordPieceDecoder()
        tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS.values()])
        return tokenizer

    def _case(self) -> BertNormalizer:
        return BertNormalizer(
            clean_text=False,
            handle_chinese_chars=self.split_chinese,
            strip_accents=not self.cased if self.strip_accents is None else self.strip_accents,
            lowercase=not self.cased,
        )


def _is_special(token: str) -> bool:
    return token.startswith("[") and token.endswith("]")


def _tokens_of_text(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"'{path}' cannot be read as UTF-8 text ({error}): download it again") from error
    return tuple(text.removesuffix("\n").split("\n"))


def _tokens_of_json(path: Path) -> tuple[str, ...]:
    model: dict[str, Any] = read_json(path).get("model", {})
    vocabulary = model.get("vocab")
    if model.get("type", "WordPiece") != "WordPiece" or not isinstance(vocabulary, dict):
        raise CheckpointError(
            f"'{path}' holds a {model.get('type')} model, expected WordPiece: it is no BERT tokenizer"
        )
    by_id = sorted(vocabulary, key=lambda token: int(vocabulary[token]))
    if [vocabulary[token] for token in by_id] != list(range(len(by_id))):
        raise CheckpointError(f"'{path}' has gaps in its token ids: give the vocab.txt instead")
    return tuple(by_id)
