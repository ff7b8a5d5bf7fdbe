"""`info`: what an artifact is."""

import argparse

from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.cli.arguments import folder
from biobert_onnx.cli.printing import MEBIBYTE, print_fidelity, sentence
from biobert_onnx.encoding.prepacked import FOLDER, fitting_graph


def add(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments."""
    parser.add_argument("artifact", type=folder, help="an artifact's folder")


def run(options: argparse.Namespace) -> None:
    """Print the manifest, for people."""
    manifest = Manifest.read(options.artifact)
    manifest.check_sizes(options.artifact)
    print(f"{options.artifact}: {sentence(manifest)}")
    source = manifest.checkpoint
    print(f"checkpoint: {source['source']}, {source['weights']} sha256 {source['sha256']}")
    print(f"recipe: {manifest.quantization.get('recipe', 'none, float32')}")
    print_fidelity(manifest)
    for name, record in manifest.files.items():
        print(f"{record.size / MEBIBYTE:10.2f} MiB  {name}")
    total = sum(record.size for record in manifest.files.values())
    print(f"{total / MEBIBYTE:10.2f} MiB  in all")
    packed = options.artifact / FOLDER
    if packed.is_dir():
        fits = fitting_graph(packed, manifest) is not None
        print(f"{packed}: {'used' if fits else 'not used: made for another artifact, onnxruntime or type of CPU'}")
