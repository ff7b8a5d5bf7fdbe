"""How much of biomedical text a vocabulary does not know, under both casings: a check on who decided the casing."""

from collections.abc import Mapping, Sequence

from biobert_onnx_export.checkpoint.vocabulary import Vocabulary

DIGITS = 1
"""Decimals of a rate."""


def unknown_rates(vocabulary: Vocabulary, texts: Sequence[str]) -> Mapping[str, float]:
    """Count unknown ones in a thousand tokens of `texts`, cased and uncased; the frame of a text is left out."""
    return {"cased": _rate(vocabulary, texts, lowercase=False), "uncased": _rate(vocabulary, texts, lowercase=True)}


def describe_rates(rates: Mapping[str, float], casing: str) -> str:
    """Return one line of both rates, which warns if the other casing knows more than twice as much."""
    other = "uncased" if casing == "cased" else "cased"
    line = f"unknown tokens in a thousand of biomedical text: {rates[casing]} {casing}, {rates[other]} {other}"
    if rates[casing] > 2 * rates[other] + 1:
        line += f"; if the checkpoint was trained on {other} text, export it with casing='{other}'"
    return line


def _rate(vocabulary: Vocabulary, texts: Sequence[str], *, lowercase: bool) -> float:
    tokenizer = vocabulary.tokenizer(lowercase=lowercase)
    unknown = tokenizer.token_to_id(vocabulary.family.unk_token)
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    tokens: int = sum(len(encoding.ids) for encoding in encodings)
    unknown_tokens: int = sum(encoding.ids.count(unknown) for encoding in encodings)
    return round(1000 * unknown_tokens / max(1, tokens), DIGITS)
