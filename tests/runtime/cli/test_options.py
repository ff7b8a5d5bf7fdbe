"""The library's arguments in messages become the command's options."""

import pytest

from biobert_onnx.cli.options import with_options


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("name the text with column=", "name the text with --column"),
        (
            "name the text with field=, or choose missing='skip'",
            "name the text with --field, or choose --missing 'skip'",
        ),
        ("choose long_texts='window' or 'truncate'", "choose --long-texts 'window' or 'truncate'"),
        ("pooling is 'x', expected one of", "--pooling is 'x', expected one of"),
        ("max_length is 2, expected 3 to 9", "--max-length is 2, expected 3 to 9"),
        ("or raise max_length if", "or raise --max-length if"),
        ("read it with delimiter='\\t'", "read it with --delimiter '\\t'"),
        ("prompt is 'a' and prompt_name is 'b'", "--prompt is 'a' and --prompt-name is 'b'"),
        ("prompt holds a lone surrogate", "--prompt holds a lone surrogate"),
        ("the prompt is not known", "the prompt is not known"),
        ("the format is not known", "the format is not known"),
        ("'max_length.txt' is no file", "'max_length.txt' is no file"),
        ("no such file: '/data/column=3/max_length/a.txt'", "no such file: '/data/column=3/max_length/a.txt'"),
        ("its missing is known", "its missing is known"),
        ("errors='replace'", "errors='replace'"),
        ("export it again with pairs=True", "export it again with --pairs"),
        ("with normalize=False then, and normalize=True now", "with no --normalize then, and --normalize now"),
        ("name the text with pair_column=", "name the text with --pair-column"),
        ("leave casing= out, or give", "leave --casing out, or give"),
        ("export it with casing='cased'", "export it with --casing 'cased'"),
        ("casing: cased (asked for by casing=)", "casing: cased (asked for by --casing)"),
        ("pooling: cls (by pooling=)", "pooling: cls (by --pooling)"),
        ("max_length: 64 (by max_length=)", "max_length: 64 (by --max-length)"),
        ("max_length: 256 (by max_seq_length in a.json)", "max_length: 256 (by max_seq_length in a.json)"),
    ],
)
def test_arguments_are_named_as_options_and_paths_are_left_alone(message: str, expected: str) -> None:
    assert with_options(message) == expected
