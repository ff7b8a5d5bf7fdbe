"""The command `biobert-onnx`: export, encode, info, verify, prepack, bundle."""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

from biobert_onnx.artifact import Manifest
from biobert_onnx.encoder import SentenceEncoder
from biobert_onnx.file_encoding import READERS, WRITERS, encode_file, open_reader
from biobert_onnx.long_texts import LONG_TEXTS, TruncationWarning
from biobert_onnx.prepacked import FOLDER, fitting_graph, prepack
from biobert_onnx.version import __version__

BAD_USE = 2
FAILED = 1
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

MEBIBYTE = 2**20


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of argparse's two."""
        self.exit(BAD_USE, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (sys.argv's by default); returns its exit code: 0, 1 failed, 2 bad use."""
    options = _parser().parse_args(arguments)
    try:
        command: Callable[[argparse.Namespace], None] = options.command
        with _warnings_on_one_line():
            command(options)
    except (FileNotFoundError, FileExistsError, ModuleNotFoundError) as error:
        return _complain(error, BAD_USE)
    except ValueError as error:  # a plain one is about an argument; ArtifactError and its like are about the job
        return _complain(error, BAD_USE if type(error) is ValueError else FAILED)
    except OSError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted, nothing was written", INTERRUPTED)
    return 0


def _complain(error: Exception | str, code: int) -> int:
    _say("error", error)
    return code


def _say(kind: str, message: object) -> None:
    sys.stderr.write(f"biobert-onnx: {kind}: {' '.join(str(message).split())}\n")


@contextmanager
def _warnings_on_one_line() -> Iterator[None]:
    """Python would add the line of code that warned; and texts are not cut silently, whatever filters are set."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        _say("warning", message)

    with warnings.catch_warnings():
        warnings.simplefilter("always", TruncationWarning)
        warnings.showwarning = show
        yield


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="biobert-onnx", description="BioBERT sentence vectors on CPUs.")
    parser.add_argument("--version", action="version", version=f"biobert-onnx {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_export(commands.add_parser("export", help="make an artifact from a BERT checkpoint"))
    _add_encode(commands.add_parser("encode", help="encode a file of texts"))
    _add_info(commands.add_parser("info", help="show what an artifact is"))
    _add_verify(commands.add_parser("verify", help="check every file of an artifact"))
    _add_prepack(commands.add_parser("prepack", help="lay the weights out for this machine"))
    _add_bundle(commands.add_parser("bundle", help="make a serverless zip: runtime, artifact, handler"))
    return parser


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", help="a folder, or a Hugging Face Hub id")
    parser.add_argument("artifact", type=Path, help="the new folder to write")
    parser.add_argument("--pooling", choices=("mean", "cls", "pooler"), help="default: the checkpoint's own, or mean")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens that texts are cut to")
    parser.add_argument("--calibration", type=Path, metavar="FILE", help="your own texts, one a line")
    parser.add_argument("--min-cosine", type=float, default=0.99, metavar="X", help="least cosine allowed (0.99)")
    parser.add_argument("--revision", help="Hub: a branch, tag or commit")
    parser.add_argument("--token", help="Hub: an access token")
    parser.set_defaults(command=_export)


def _add_encode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", type=_folder, help="an artifact's folder")
    parser.add_argument("input", help=f"a file: {', '.join(READERS)}; - for standard input, one text a line")
    parser.add_argument("-o", "--output", type=_output, required=True, help=f"a file: {', '.join(WRITERS)}")
    parser.add_argument("--field", metavar="NAME", help="the text's key in .jsonl (text)")
    parser.add_argument("--column", metavar="NAME", help="the text's column in .csv and .parquet (text)")
    parser.add_argument("--normalize", action="store_true", help="scale each vector to unit length")
    parser.add_argument("--truncate-dim", type=int, metavar="N", help="keep the first N numbers of each vector")
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens that texts are cut to")
    parser.add_argument("--long-texts", choices=LONG_TEXTS, default="truncate", help="what is done with longer texts")
    parser.add_argument("--threads", type=int, metavar="N", help="worker threads; default: every usable CPU")
    parser.set_defaults(command=_encode)


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", type=_folder, help="an artifact's folder")
    parser.set_defaults(command=_info)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", type=_folder, help="an artifact's folder")
    parser.set_defaults(command=_verify)


def _add_prepack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", type=_folder, help="an artifact's folder")
    parser.add_argument("--into", type=Path, metavar="DIR", help="the folder to write (prepacked, in the artifact)")
    parser.set_defaults(command=_prepack)


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", type=_folder, help="an artifact's folder")
    parser.add_argument("output", type=Path, help="the zip to write")
    parser.add_argument("--platform", default="manylinux_2_28_x86_64", help="or manylinux_2_28_aarch64")
    parser.add_argument("--python", default="3.12", metavar="VERSION", help="the function's Python (3.12)")
    parser.set_defaults(command=_bundle)


def _folder(value: str) -> Path:
    path = Path(value)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: '{value}'")
    return path


def _output(value: str) -> Path:
    path = Path(value)
    if path.suffix not in WRITERS:
        raise argparse.ArgumentTypeError(f"'{value}' should end in {' or '.join(WRITERS)}")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"'{value}' is a folder, expected a file to write")
    return path


def _export(options: argparse.Namespace) -> None:
    try:
        from biobert_onnx_export import export
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"export needs the extra 'export' ({error.name} is missing): pip install 'biobert-onnx[export]'"
        ) from error
    manifest = export(
        options.checkpoint,
        options.artifact,
        pooling=options.pooling,
        precision=options.precision,
        max_length=options.max_length,
        calibration=options.calibration,
        min_cosine=options.min_cosine,
        revision=options.revision,
        token=options.token,
        report=lambda message: print(message, file=sys.stderr, flush=True),
    )
    print(f"wrote {options.artifact}: {_sentence(manifest)}")
    _print_fidelity(manifest)


def _encode(options: argparse.Namespace) -> None:
    if not options.output.absolute().parent.is_dir():
        raise FileNotFoundError(f"no such folder: '{options.output.parent}', for the output '{options.output}'")
    reader = open_reader(options.input, field=options.field, column=options.column)
    encoder = SentenceEncoder(options.artifact, max_length=options.max_length, threads=options.threads)
    count = encode_file(
        encoder,
        reader,
        options.output,
        normalize=options.normalize,
        truncate_dim=options.truncate_dim,
        long_texts=options.long_texts,
    )
    print(f"wrote {options.output}: {count} vectors of {options.truncate_dim or encoder.dim} dimensions")


def _info(options: argparse.Namespace) -> None:
    manifest = Manifest.read(options.artifact)
    manifest.check_sizes(options.artifact)
    print(f"{options.artifact}: {_sentence(manifest)}")
    source = manifest.checkpoint
    print(f"checkpoint: {source['source']}, {source['weights']} sha256 {source['sha256']}")
    print(f"recipe: {manifest.quantization.get('recipe', 'none, float32')}")
    _print_fidelity(manifest)
    for name, record in manifest.files.items():
        print(f"{record.size / MEBIBYTE:10.2f} MiB  {name}")
    total = sum(record.size for record in manifest.files.values())
    print(f"{total / MEBIBYTE:10.2f} MiB  in all")
    packed = options.artifact / FOLDER
    if packed.is_dir():
        fits = fitting_graph(packed, manifest) is not None
        print(f"{packed}: {'used' if fits else 'not used: made for another artifact, onnxruntime or type of CPU'}")


def _verify(options: argparse.Namespace) -> None:
    manifest = Manifest.read(options.artifact)
    manifest.check_contents(options.artifact)
    print(f"{options.artifact}: all {len(manifest.files)} files have the sha256 of the manifest")


def _prepack(options: argparse.Namespace) -> None:
    folder = prepack(options.artifact, options.into)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"wrote {folder}: {size / MEBIBYTE:.2f} MiB for this onnxruntime version and this type of CPU")


def _bundle(options: argparse.Namespace) -> None:
    from biobert_onnx.bundle import bundle  # only this command starts pip and writes zips

    made = bundle(options.artifact, options.output, platform=options.platform, python=options.python)
    for name, size in made.items.items():
        print(f"{size / MEBIBYTE:10.2f} MiB  {name}")
    print(f"{made.unzipped / MEBIBYTE:10.2f} MiB  in all, {made.unzipped:,} bytes")
    if not made.compiled:
        _say("warning", f"without bytecode, so each cold start compiles: run bundle with Python {options.python}")
    print(f"wrote {options.output}: {made.zipped / MEBIBYTE:.2f} MiB, handler lambda_function.lambda_handler")


def _sentence(manifest: Manifest) -> str:
    unit = ", unit length" if manifest.normalized else ""
    return (
        f"{manifest.name}, {manifest.precision}, {manifest.dim} dimensions, {manifest.pooling} pooling{unit}, "
        f"{manifest.casing}, texts cut to {manifest.max_length} tokens"
    )


def _print_fidelity(manifest: Manifest) -> None:
    print("cosine to the float32 reference     texts     mean       p1    least")
    for name, record in manifest.fidelity.items():
        _print_record(name, record)
        for length, part in record["by_length"].items():
            _print_record(f"  {length}", part)


def _print_record(name: str, record: Mapping[str, Any]) -> None:
    figures = (f"{record[key]:9.5f}" for key in ("cosine_mean", "cosine_p1", "cosine_min"))
    print(f"{name:34} {record['texts']:6}{''.join(figures)}")
