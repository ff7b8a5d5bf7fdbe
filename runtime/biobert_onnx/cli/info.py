"""`info`: what an artifact is."""

import argparse
from pathlib import Path

from biobert_onnx._file_status import is_folder
from biobert_onnx.artifact.manifest import Manifest, rule_line
from biobert_onnx.artifact.paths import PACKED_FOLDER
from biobert_onnx.artifact.summary import sentence
from biobert_onnx.cli.arguments import add_artifact
from biobert_onnx.cli.options import with_options
from biobert_onnx.cli.printing import print_fidelity, size
from biobert_onnx.encoding.engines import Engine
from biobert_onnx.errors import ArtifactError, EngineError, short_repr
from biobert_onnx.kernels.prepacked import MADE_OTHERWISE, is_made_from

EXAMPLES = """\
example:
  biobert-onnx info biobert-int8
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    add_artifact(parser)


def run(options: argparse.Namespace) -> None:
    """Print the manifest, for people: figures first, then files, then where it came from and how it was read."""
    manifest = Manifest.read(options.artifact)
    manifest.check_sizes(options.artifact)
    print(f"{options.artifact}: {sentence(manifest)}")
    print(f"recipe: {manifest.quantization.get('recipe', 'none, float32')}")
    print_fidelity(manifest)
    layers = ", ".join(manifest.token_layers)
    print(f"vectors of tokens: {f'{layers}, {manifest.token_dim} dimensions' if layers else 'none'}")
    for name, text in manifest.prompts.items():
        print(f"prompt {name}: {short_repr(text)}{' (default)' if name == manifest.default_prompt else ''}")
    for name, record in manifest.files.items():
        print(f"{size(record.size)}  {name}")
    print(f"{size(sum(record.size for record in manifest.files.values()))}  in all")
    source = manifest.checkpoint
    print(f"checkpoint: {source['source']}, {source['weights']} sha256 {source['sha256']}")
    for rule in manifest.rules:
        print(rule_line({**rule, "reason": with_options(rule["reason"])}))
    engine = _engine_here(options.artifact, manifest)
    packed = options.artifact / PACKED_FOLDER
    if is_folder(packed):
        print(f"{packed}: {_use_of_packed(packed, manifest, engine)}")


def _engine_here(artifact: Path, manifest: Manifest) -> Engine | None:
    """Print what computes the artifact's vectors here, and return it; None where nothing does."""
    try:
        engine = Engine.choose(artifact, manifest, None)
    except EngineError as error:  # it is packed, and the kernels do not run here
        print(f"engine here: none, as {error.reason}")
        return None
    print(f"engine here: {engine}")
    return engine


def _use_of_packed(packed: Path, manifest: Manifest, engine: Engine | None) -> str:
    try:
        if not is_made_from(packed, manifest):
            return f"not used: {MADE_OTHERWISE}"
    except ArtifactError as error:
        return f"not used: {error}"
    if engine is None:
        return "not used: the kernels do not run here"
    return "used" if engine.kernel is not None else "not used: onnxruntime takes none"
