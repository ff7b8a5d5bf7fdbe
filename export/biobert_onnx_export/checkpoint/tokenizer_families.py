"""The tokenizers that export, each described by what differs: classes, special tokens, and how they frame texts."""

from collections.abc import Mapping
from dataclasses import dataclass

WORDPIECE = "WordPiece"

AS_IT_IS = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes that take tokenizer.json as it is; transformers 5 has the second name."""


@dataclass(frozen=True, kw_only=True)
class TokenizerFamily:
    """What all tokenizers of one kind share.

    `name`: what messages call it. `model`: the type of model in tokenizer.json. `model_types`: those of config.json
    whose tokenizer it is where no file names a class. `classes`: the names of transformers' classes; the first one is
    written beside an artifact. `special_tokens`: by the names that transformers gives them. `mask_takes_blanks`:
    whether the mask token takes the blanks before it. `separators`: separator tokens between the two texts of a pair.
    `second_segment`: the segment of a pair's second text. `json_sets_chinese`: whether tokenizer.json, if there is
    one, decides how Chinese characters are split, whatever tokenizer_config.json says (transformers 4).
    """

    name: str
    model: str
    model_types: tuple[str, ...]
    classes: tuple[str, ...]
    special_tokens: Mapping[str, str]
    mask_takes_blanks: bool
    separators: int
    second_segment: int
    json_sets_chinese: bool

    @property
    def cls_token(self) -> str:
        """The token before a text."""
        return self.special_tokens["cls_token"]

    @property
    def sep_token(self) -> str:
        """The token after a text."""
        return self.special_tokens["sep_token"]

    @property
    def pad_token(self) -> str:
        """The token that fills a batch."""
        return self.special_tokens["pad_token"]

    @property
    def unk_token(self) -> str:
        """The token of a word that is unknown."""
        return self.special_tokens["unk_token"]

    @property
    def special_contents(self) -> tuple[str, ...]:
        """The special tokens, each once."""
        return tuple(dict.fromkeys(self.special_tokens.values()))

    @property
    def single(self) -> str:
        """The frame of one text, as `TemplateProcessing` takes it."""
        return f"{self.cls_token} $A {self.sep_token}"

    @property
    def pair(self) -> str:
        """The frame of two texts, as `TemplateProcessing` takes it."""
        between = " ".join([self.sep_token] * self.separators)
        return f"{self.cls_token} $A {between} $B:{self.second_segment} {self.sep_token}:{self.second_segment}"


BERT = TokenizerFamily(
    name="BERT",
    model=WORDPIECE,
    model_types=("bert", "distilbert", "electra"),
    classes=(
        "BertTokenizer",
        "BertTokenizerFast",
        "DistilBertTokenizer",
        "DistilBertTokenizerFast",
        "ElectraTokenizer",
        "ElectraTokenizerFast",
    ),
    special_tokens={
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    },
    mask_takes_blanks=False,
    separators=1,
    second_segment=1,
    json_sets_chinese=False,
)
"""BERT's WordPiece (Devlin et al. 2019), which DistilBERT and ELECTRA share; transformers has a class for each."""

MPNET = TokenizerFamily(
    name="MPNet",
    model=WORDPIECE,
    model_types=("mpnet",),
    classes=("MPNetTokenizer", "MPNetTokenizerFast"),
    special_tokens={
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "[UNK]",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "mask_token": "<mask>",
    },
    mask_takes_blanks=True,
    separators=2,
    second_segment=0,
    json_sets_chinese=True,
)
"""MPNet's (Song et al. 2020): BERT's WordPiece and normalizer with RoBERTa's special tokens and frames."""

FAMILIES = (BERT, MPNET)


def family_of_class(name: object) -> TokenizerFamily | None:
    """Return the family that transformers' class `name` belongs to; None if no such tokenizer exports."""
    return next((family for family in FAMILIES if name in family.classes), None)


def family_of_model(model_type: object) -> TokenizerFamily | None:
    """Return the family of config.json's `model_type`; None if no such tokenizer exports."""
    return next((family for family in FAMILIES if model_type in family.model_types), None)
