"""Tokenizer files of tiny checkpoints, a function for each family; the weights are not theirs to write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.folders import CASED, SPECIAL, UNCASED, write_json

ELECTRA_CONFIG = {"model_type": "electra"}
DISTILBERT_CONFIG = {"model_type": "distilbert"}
MPNET_CONFIG = {"model_type": "mpnet"}

MPNET_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>")

MPNET_UNCASED = (*MPNET_SPECIAL[:-1], *UNCASED[len(SPECIAL) :], "<mask>")
"""The pieces of `UNCASED` with MPNet's special tokens, at the places where the published vocabulary has them."""

MPNET_CASED = (*MPNET_SPECIAL[:-1], *CASED[len(SPECIAL) :], "<mask>")

HARD_TEXTS = (
    "Éléonore's naïve façade; ÅNGSTRÖM ﬁ ligature",
    "null\x00 bell\x07 soft\u00adhyphen \u200bzero\ufeffwidth",
    "患者は発熱した 한국어 עברית العربية",
    "a" * 101 + " " + "b" * 100,
    "gene <s> protein</s> of<pad>the   <mask>  cell <MASK> <unk> [UNK] [CLS] and [SEP] [MASK] [PAD]",
    "😀 emoji, \U0001d6fc bold alpha",
    "decomposed e\u0301, with a break e\u200b\u0301",
    "\u212b is an angstrom, \u2126 an ohm, \uf900 a compatibility ideograph",
    "  two blanks\t\ta tab\r\nlines\u00a0\u3000 \u2028and more ",
    "it's they'll WE'VE i'm 'd 's' 5's",
    "1234567 12 3.5e-10 5mg/kg β2 <= >= ++ --",
    "",
    " ",
)
"""Texts with whatever tokenizers differ in: casing, accents, blanks, controls, scripts, special tokens written out."""


def write_vocabulary(
    folder: Path, tokens: tuple[str, ...], config: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> Path:
    """Write vocab.txt, config.json and, with `settings`, tokenizer_config.json; returns `folder`."""
    write_json(folder / "config.json", {**config, "vocab_size": len(tokens)})
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    if settings is not None:
        write_json(folder / "tokenizer_config.json", settings)
    return folder
