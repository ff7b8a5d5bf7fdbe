"""The steps of an export, in order, one visible line each; this is the only list of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biobert_onnx.artifact.manifest import Manifest
from biobert_onnx.encoding.engines import KERNELS, ONNXRUNTIME
from biobert_onnx_export.checkpoint.checkpoint import Checkpoint
from biobert_onnx_export.checkpoint.pairs import with_pairs_rule
from biobert_onnx_export.gate.gate import Progress, write_faithful_graphs
from biobert_onnx_export.gate.measure import (
    check_graphs,
    check_pairs,
    check_parity,
    check_token_parity,
    measure_fidelity,
    parity,
)
from biobert_onnx_export.graph.artifact_graphs import token_layers, write_graphs
from biobert_onnx_export.graph.network import float_plan
from biobert_onnx_export.publish.manifest import quantization_record, write_manifest
from biobert_onnx_export.publish.new_folder import new_folder
from biobert_onnx_export.publish.side_files import write_side_files
from biobert_onnx_export.quantize.quantized_network import quantize_network
from biobert_onnx_export.quantize.recipes import PER_TOKEN, RECIPES
from biobert_onnx_export.reference.comparison import compare_with_loader
from biobert_onnx_export.reference.known_answers import describe_answers, known_answers
from biobert_onnx_export.reference.reference import Reference
from biobert_onnx_export.reference.targets import Targets
from biobert_onnx_export.reference.texts import TextSets
from biobert_onnx_export.reference.unknown_tokens import describe_rates, unknown_rates

PRECISIONS = ("int8", "fp32")

MIN_COSINE = 0.99
"""The default of `min_cosine`."""

MIN_NEIGHBOURS = 0.9
"""The default of `min_neighbours`: one neighbour of ten may be another one. all-MiniLM-L6-v2 keeps 0.98, a network of
BioBERT's size with random weights 0.96."""


def export(
    checkpoint: str | os.PathLike[str],
    artifact: str | os.PathLike[str],
    *,
    pooling: str | None = None,
    precision: str = "int8",
    casing: str | None = None,
    max_length: int | None = None,
    pairs: bool = False,
    tokens: bool = False,
    calibration: str | os.PathLike[str] | None = None,
    recipe: str = PER_TOKEN.name,
    min_cosine: float = MIN_COSINE,
    min_neighbours: float = MIN_NEIGHBOURS,
    revision: str | None = None,
    token: str | None = None,
    progress: Progress = lambda message: None,
) -> Manifest:
    """Write the artifact of `checkpoint` (folder, archive, Hub id or name) to the new folder `artifact`.

    Returns the artifact's manifest.

    `pooling`: cls, max, mean, mean_sqrt_len_tokens, weightedmean or pooler, or several joined by "+", whose vectors are
    concatenated; None takes the checkpoint's own, else mean.
    `precision`: int8 or fp32.
    `casing`: cased or uncased; None takes what the folder says, else the published checkpoint's, else the vocabulary's.
    `max_length`: texts are cut to this number of tokens; None takes the checkpoint's own limit.
    `pairs`: the artifact also takes pairs of texts, (text, text), as two segments; the checkpoint must have two token
    types. Single texts keep their bits.
    `tokens`: give an artifact whose pooling reads [CLS] alone (cls, pooler) vectors of tokens, too; all others have
    them always.
    `calibration`: a text file, one text a line; odd lines calibrate, even lines are held out and gated. None takes the
    bundled biomedical texts.
    `recipe`: "per-token", or "static", which is less faithful and faster on onnxruntime.
    `min_cosine`: the least cosine to the float32 reference that a gated text may have.
    `min_neighbours`: the least share, 0 to 1, of the 10 nearest texts by float32 that must be among the 10 nearest by
    the artifact, on average over the gated texts; 0 asks for none.
    `revision`, `token`: the branch, tag or commit of a Hub repository, and an access token.
    `progress` is called with one line at the start of each step.

    Raises FileExistsError if `artifact` exists, CheckpointError for the checkpoint, FidelityError if no recipe reaches
    both `min_cosine` and `min_neighbours`, ValueError for any other argument. After an error nothing is left.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if recipe not in RECIPES:
        raise ValueError(f"recipe is {recipe!r}, expected one of {', '.join(RECIPES)}")
    if not -1 <= min_cosine <= 1:
        raise ValueError(f"min_cosine is {min_cosine}, expected -1 to 1")
    if not 0 <= min_neighbours <= 1:
        raise ValueError(f"min_neighbours is {min_neighbours}, expected 0 to 1")
    texts = TextSets.read(None if calibration is None else Path(calibration))
    with new_folder(Path(artifact)) as (work, folder):
        progress("reading the checkpoint")
        source = Checkpoint.read(os.fspath(checkpoint), revision=revision, token=token, casing=casing)
        source = with_pairs_rule(source.with_rules_of(pooling=pooling, max_length=max_length), pairs=pairs)
        pooling, max_length = source.pooling(pooling), source.max_length(max_length)
        prompt = source.modules.prompts.default_text
        layers = token_layers(source, pooling, tokens=tokens)
        tokenized = texts.tokenize(source.vocabulary.tokenizer(), max_length=max_length, prompt=prompt)
        unknown = unknown_rates(source.vocabulary, texts.biomedical)
        for line in (*map(str, source.rules), describe_rates(unknown, source.vocabulary.casing)):
            progress(line)

        progress("taking the vectors of the float32 reference")
        reference = Reference(source, work, pooling=pooling, samples=tokenized.samples)
        targets = Targets.of(reference, tokenized)
        comparison = compare_with_loader(
            source, texts, targets, tokenized.long_text, pooling=pooling, max_length=max_length
        )
        progress(str(comparison))
        answers = known_answers(source, reference)
        for line in describe_answers(source, answers):
            progress(line)

        progress("building the float32 graph")
        write_graphs(source, float_plan(source), folder, pooling=pooling, pairs=pairs, token_layers=layers)
        tolerance = parity(source, pooling)
        check_parity(folder, targets.samples, tolerance=tolerance)
        if pairs:
            check_pairs(folder, reference, tokenized.samples, max_length=max_length, tolerance=tolerance)
        if layers:
            check_token_parity(folder, targets.samples.token_ids)

        quantization: Mapping[str, Any] = {}
        if precision == "int8":
            progress(f"calibrating on {len(tokenized.calibration)} texts")
            network = quantize_network(source, tokenized.calibration, work, progress=progress)
            passed = write_faithful_graphs(
                source,
                network,
                targets,
                folder,
                scratch=work,
                pooling=pooling,
                token_layers=layers,
                recipe=RECIPES[recipe],
                min_cosine=min_cosine,
                min_neighbours=min_neighbours,
                progress=progress,
                pairs=pairs,
            )
            quantization = quantization_record(passed, texts, calibrated=len(tokenized.calibration))

        progress("checking and writing the artifact")
        check_graphs(folder, targets.samples)
        fidelity = measure_fidelity(folder, targets.held_out)
        write_side_files(source, folder, pooling=pooling, max_length=max_length)
        return write_manifest(
            source,
            folder,
            pooling=pooling,
            max_length=max_length,
            pairs=pairs,
            token_layers=layers,
            known_answers=answers,
            reference=reference.maker,
            unknown_rates=unknown,
            comparison=comparison,
            quantization=quantization,
            fidelity=fidelity[ONNXRUNTIME],
            kernels_fidelity=fidelity.get(KERNELS),
        )
