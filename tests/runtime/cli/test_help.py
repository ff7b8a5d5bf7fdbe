"""Help: examples, defaults, no abbreviations; and what `models`, `info` and `bundle` say."""

import re
from pathlib import Path

import pytest

from biobert_onnx import Manifest
from biobert_onnx.cli.main import COMMANDS, main
from biobert_onnx.cli.options import OPTIONS
from biobert_onnx.version import __version__
from tests.runtime.cli.command import refused, run

KEPT = Path(__file__).parents[2] / "data" / "format-2"
"""Artifacts that an older version wrote."""


def help_of(name: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `biobert-onnx ARGUMENTS` prints, `NAME --help` by default."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments) or [name, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_a_command_too_and_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of(name, capsys)
    assert shown == help_of(name, capsys, "help", name)
    assert f"biobert-onnx {name}" in shown.partition("example")[2]


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout.decode() == f"biobert-onnx {__version__}\n"


def test_help_alone_is_that_of_the_command() -> None:
    assert run("help").stdout == run("--help").stdout
    assert b"exit codes:" in run("help").stdout


def test_the_command_alone_lists_the_commands_and_is_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main([])
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("usage: biobert-onnx ")
    for name in COMMANDS:
        assert re.search(rf"^ +{name}\b", printed.err, re.MULTILINE)


def test_an_option_that_a_command_does_not_know_names_the_help_of_the_command(artifact: Path, tmp_path: Path) -> None:
    assert refused(2, "encode", artifact, "-", "-o", tmp_path / "o.npy", "--normalise") == (
        "biobert-onnx encode: error: unrecognized arguments: --normalise (see biobert-onnx encode --help)"
    )
    assert refused(2, "info", artifact, "more").endswith("arguments: more (see biobert-onnx info --help)")
    assert refused(2, "--bogus", "info", artifact).endswith("arguments: --bogus (see biobert-onnx --help)")


def test_every_option_with_a_value_of_its_own_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(help_of("encode", capsys).split())
    for default in (
        "(default: stop)",
        "(default: truncate)",
        "(default: text)",
        "(default: a comma)",
        "artifact's, see info)",
    ):
        assert default in shown
    shown = " ".join(help_of("export", capsys).split())
    for default in (
        "(default: int8)",
        "(default: 0.99)",
        "(default: 0.9)",
        "(default: main)",
        "checkpoint's own limit)",
        "biomedical sentences)",
    ):
        assert default in shown


def test_every_option_of_the_table_is_one_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    shown = "".join(help_of(name, capsys) for name in COMMANDS)
    assert set(OPTIONS.values()) <= set(re.findall(r"--[\w-]+", shown))


@pytest.mark.parametrize("option", ["--colum", "--norm", "--thread"])
def test_options_are_not_guessed(artifact: Path, tmp_path: Path, option: str) -> None:
    assert f": {option} 1 (see " in refused(2, "encode", artifact, "-", "-o", tmp_path / "o.npy", option, "1")


def test_models_says_what_is_not_known_in_whole_sentences() -> None:
    last = run("models").stdout.decode().splitlines()[-1]
    assert last.startswith("Spark NLP does not say how its models are pooled, nor which BioBERT the first one is: ")
    assert last.endswith("`verify` settles it by the published numbers.")


def test_info_shows_figures_before_hashes_and_small_files_in_kilobytes(artifact: Path) -> None:
    shown = run("info", artifact).stdout.decode()
    assert shown.index("cosine to the float32") < shown.index("in all") < shown.index("sha256")
    assert "0.00 " not in shown.partition("in all")[0].partition("least\n")[2].partition("MiB")[0] and " kB  " in shown


@pytest.mark.parametrize(("engine", "ending"), [("onnxruntime", "onnxruntime"), ("kernels", "the kernels")])
def test_info_shows_what_searches_keep_with_each_engine(artifact: Path, engine: str, ending: str) -> None:
    manifest = Manifest.read(artifact)
    measured = manifest.fidelity if engine == "onnxruntime" else manifest.kernels_fidelity
    if measured is None:
        pytest.skip("the artifact was not measured with the kernels")
    record = measured["gated"]
    shown = run("info", artifact).stdout.decode().splitlines()
    cosines, searches = [line for line in shown if line.startswith(f"gated, with {ending} ")]
    assert cosines.split()[-4:] == [
        str(record["texts"]),
        *(f"{record[f'cosine_{key}']:.5f}" for key in ("mean", "p1", "min")),
    ]
    assert searches.split()[-4:] == [
        f"{record['centred_mean']:.5f}",
        f"{record['centred_min']:.5f}",
        f"{record['neighbours_kept']:.1%}",
        f"{record['rank_correlation']:.5f}",
    ]


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_info_says_what_an_older_export_did_not_measure(precision: str) -> None:
    done = run("info", KEPT / precision)
    assert done.returncode == 0, done.stderr.decode()
    assert re.search(
        "^gated, with onnxruntime +not measured: exported by an older version$", done.stdout.decode(), re.MULTILINE
    )


@pytest.mark.parametrize("name", ["x.tar", "x", "zip"])
def test_a_bundle_is_a_zip(artifact: Path, tmp_path: Path, name: str) -> None:
    assert f"{name}' should end in .zip" in refused(2, "bundle", artifact, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pooling", ["median", "mean,cls", "cls+", "lasttoken"])
def test_export_lists_the_poolings_that_it_knows(tmp_path: Path, pooling: str) -> None:
    message = refused(2, "export", tmp_path, tmp_path / "artifact", "--pooling", pooling)
    assert f"--pooling: '{pooling}', expected cls, max, mean, mean_sqrt_len_tokens, weightedmean, pooler, or" in message
