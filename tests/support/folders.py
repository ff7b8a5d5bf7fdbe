"""Tiny checkpoints as people publish them: any vocabulary, any tokenizer settings, any head, saved by transformers."""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
import transformers

SPECIAL = ("[PAD]", *(f"[unused{number}]" for number in range(1, 9)), "[UNK]", "[CLS]", "[SEP]", "[MASK]")

LETTERS = "abcdefghijklmnopqrstuvwxyz"

PIECES = (*LETTERS, *"0123456789.,;:()-'<>/%+=βα", *(f"##{letter}" for letter in f"{LETTERS}0123456789"))

WORDS = (
    *("the", "of", "in", "and", "with", "gene", "genes", "protein", "cell", "cells", "tumour", "patient", "patients"),
    *("treated", "was", "were", "found", "most"),
    *(
        first + last
        for first, last in product(("ba", "de", "fi", "go", "lu", "me"), ("bra", "cle", "din", "mor", "ros"))
    ),
)

UNCASED = (*SPECIAL, *PIECES, *WORDS)
"""A vocabulary without a capital letter."""

CASED = (
    *UNCASED,
    *LETTERS.upper(),
    *(f"##{letter}" for letter in LETTERS.upper()),
    *(word.capitalize() for word in WORDS),
)
"""A vocabulary whose words are there in both forms."""

STRAYS = ("Γ", "Δ", "É", "Ü", "P", "##T", "##TM", "DNA")
"""What SciBERT's uncased vocabulary has of capitals: Greek and accented letters, single letters, one whole word."""

SCIBERT_LIKE = (*UNCASED, *STRAYS)
"""An uncased vocabulary into which capitals strayed."""

TEXTS = (
    "The BRCA1 gene was found in most of the patients.",
    "Éléonore's tumour, treated with β-blockers (5 mg)",
    "patients 患者 of the Ünit",
    "DNA",
    "",
)
"""Texts with capitals, accents, Chinese characters, and none of these."""


def write_checkpoint(
    folder: Path,
    tokens: Sequence[str] = UNCASED,
    *,
    settings: Mapping[str, Any] | None = None,
    kind: str = "BertModel",
    rows: int | None = None,
    **config: Any,
) -> Path:
    """Write a seeded BERT as transformers' class `kind`, and its vocab.txt; returns `folder`.

    It has 2 layers x 128, in heads of 32. `settings`: the content of tokenizer_config.json; None writes none. `rows`:
    those of the word embeddings, one a token by default.
    """
    sizes = {
        "vocab_size": rows or len(tokens),
        "hidden_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 256,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
    }
    torch.manual_seed(7)
    model = getattr(transformers, kind)(transformers.BertConfig(**sizes | config))
    model.eval().save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    if settings is not None:
        write_json(folder / "tokenizer_config.json", settings)
    return folder


def write_json(path: Path, content: object) -> None:
    """Write `content` as JSON; makes the folder of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_tokenizer_json(folder: Path, *, tokenizer: str = "BertTokenizerFast", **changes: object) -> Path:
    """Write the tokenizer.json that transformers makes of the folder's vocab.txt, with the parts in `changes`.

    `tokenizer`: the name of transformers' class.
    """
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    made = getattr(transformers, tokenizer)(str(folder / "vocab.txt"), do_lower_case=True)
    content = json.loads(made.backend_tokenizer.to_str())
    assert list(content["model"]["vocab"]) == tokens
    write_json(folder / "tokenizer.json", content | changes)
    return folder
