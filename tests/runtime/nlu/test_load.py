"""`nlu.load`: which artifact a request stands for, and the arguments of NLU."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from biobert_onnx import ArtifactError, SentenceEncoder, nlu
from biobert_onnx.catalog.names import DEFAULT as MODEL
from tests.support.engines import each_engine

TEXT = "I hate cancer."
NLU_VECTOR = "sentence_embedding_biobert"


@each_engine
def test_the_engine_is_the_encoders(artifact: Path, engine: str) -> None:
    expected = SentenceEncoder(artifact, engine=engine).encode([TEXT])
    table = nlu.load(artifact, engine=engine).predict(TEXT, output_level="document")
    assert (table[table.columns[-1]].iloc[0] == expected[0]).all()


@pytest.mark.parametrize(
    ("request_", "vector"),
    [
        ("en.embed_sentence.biobert.pubmed_base_cased", NLU_VECTOR),
        ("embed_sentence.biobert.pubmed_base_cased", NLU_VECTOR),
        ("en.embed_sentence.biobert", NLU_VECTOR),
        (" embed_sentence.biobert ", NLU_VECTOR),
        (MODEL, f"sentence_embedding_{MODEL}"),
        ("biobert-v1.1", f"sentence_embedding_{MODEL}"),
        ("dmis-lab/biobert-v1.1", f"sentence_embedding_{MODEL}"),
    ],
)
def test_each_name_of_the_model_finds_its_artifact(request_: str, vector: str, folder: Path) -> None:
    assert list(nlu.load(request_, folder=folder).predict(TEXT)) == ["sentence", vector]


@pytest.mark.parametrize("short", ["pmc_base_cased", "pubmed_large_cased", "clinical_base_cased"])
@pytest.mark.parametrize("prefix", ["en.embed_sentence.biobert.", "embed_sentence.biobert."])
def test_sibling_models_have_nlus_names_too(short: str, prefix: str, artifact: Path, tmp_path: Path) -> None:
    (tmp_path / f"sent_biobert_{short}").symlink_to(artifact)
    assert list(nlu.load(prefix + short, folder=tmp_path).predict(TEXT)) == ["sentence", NLU_VECTOR]


def test_an_artifact_can_be_given_by_path(artifact: Path) -> None:
    table = nlu.load(artifact).predict("One.")
    assert list(table.columns) == ["sentence", f"sentence_embedding_{artifact.name.replace('-', '_')}"]


def test_an_artifact_of_any_name_can_stand_for_a_model_by_its_path(artifact: Path) -> None:
    table = nlu.load("en.embed_sentence.biobert.pubmed_base_cased", str(artifact)).predict(TEXT)
    assert list(table) == ["sentence", NLU_VECTOR]
    assert list(nlu.load(path=artifact).predict(TEXT)) == list(nlu.load(artifact).predict(TEXT))


def test_an_artifact_whose_folder_is_named_like_a_model_of_words_is_found(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "biobert").symlink_to(artifact)
    assert list(nlu.load("biobert", folder=tmp_path).predict(TEXT)) == ["sentence", NLU_VECTOR]


@pytest.mark.parametrize(
    ("request_", "right"),
    [
        ("biobert", "pubmed_base_cased"),
        ("embed.biobert", "pubmed_base_cased"),
        ("en.embed.biobert", "pubmed_base_cased"),
        ("embed.biobert_pmc_base_cased", "pmc_base_cased"),
        ("en.embed.biobert.clinical_base_cased", "clinical_base_cased"),
        ("biobert_pubmed_base_cased", "pubmed_base_cased"),
    ],
)
def test_nlus_models_of_words_are_refused_with_the_name_of_the_one_for_sentences(
    request_: str, right: str, folder: Path
) -> None:
    expected = f"model for words: the one for sentences is 'en.embed_sentence.biobert.{right}', in Spark NLP 'sent_bio"
    with pytest.raises(ValueError, match=expected):
        nlu.load(request_, folder=folder)


def test_several_models_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"'emotion embed_sentence\.biobert', several models: a pipeline has one here"):
        nlu.load("emotion embed_sentence.biobert", folder=folder)


@pytest.mark.parametrize("request_", ["", " ", "from_disk"])
def test_a_request_for_nothing_is_refused(request_: str) -> None:
    with pytest.raises(ValueError, match="give a model's name, or path=, the artifact's folder"):
        nlu.load(request_)


def test_a_path_and_a_folder_contradict_each_other(artifact: Path) -> None:
    with pytest.raises(ValueError, match=f"path is '{artifact}' and folder is '{artifact.parent}': path is the artif"):
        nlu.load(path=artifact, folder=artifact.parent)


@pytest.mark.parametrize("name", ["gpu", "apple_silicon"])
def test_what_is_no_cpu_is_refused(name: str, artifact: Path) -> None:
    with pytest.raises(ValueError, match=f"{name} is True, but vectors are computed on CPUs only, .*: leave it out"):
        nlu.load(artifact, **{name: True})  # type: ignore[arg-type]


def test_a_flag_that_is_no_bool_is_refused(artifact: Path) -> None:
    with pytest.raises(TypeError, match="gpu is 'cuda', expected True or False"):
        nlu.load(artifact, gpu="cuda")  # type: ignore[arg-type]


def test_streamlit_caching_gives_the_pipeline_of_an_equal_call(artifact: Path) -> None:
    first = nlu.load(artifact, streamlit_caching=True, threads=1)
    assert nlu.load(str(artifact), streamlit_caching=True, threads=1) is first
    assert nlu.load(artifact, threads=1) is not first
    assert nlu.load(artifact, streamlit_caching=True, threads=2) is not first


def test_a_missing_model_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=f"make it with 'biobert-onnx export {MODEL} "):
        nlu.load("en.embed_sentence.biobert.pubmed_base_cased", folder=tmp_path)


def test_a_name_that_is_not_known_lists_those_like_it(folder: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"names like this one are en\.embed_sentence\.biobert\.pubmed_base_cased, "
    ):
        nlu.load("en.embed_sentence.biobert.pubmed_bse_cased", folder=folder)
    with pytest.raises(ArtifactError, match="names like this one are sapbert"):
        nlu.load("sapbrt", folder=folder)


def test_the_names_like_one_are_those_of_artifacts_too(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "my-artifact").symlink_to(artifact)
    with pytest.raises(ArtifactError, match=r"names like this one are my-artifact$"):
        nlu.load("my-artifct", folder=tmp_path)


def test_max_length_is_the_encoders(artifact: Path) -> None:
    text = "gene protein " * 40
    with pytest.warns(UserWarning, match="were cut there"):
        table = nlu.load(artifact, max_length=8).predict(text, "document")
    with pytest.warns(UserWarning, match="were cut there"):
        expected = SentenceEncoder(artifact, max_length=8).encode([text])
    assert np.array_equal(table.iloc[0, -1], expected[0])


def test_print_info_shows_model_columns_figures_and_parameters(
    pipeline: nlu.Pipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.print_info()
    shown = capsys.readouterr().out
    manifest = SentenceEncoder(folder / MODEL).manifest
    assert shown.startswith(f"{folder / MODEL}: {manifest.name}, ") and f"{manifest.dim} dimensions" in shown
    assert "columns of vectors: sentence_embedding_biobert, word_embedding_biobert\n" in shown
    record = next(iter(manifest.fidelity.values()))
    assert f"{record['cosine_mean']:9.5f}{record['cosine_p1']:9.5f}{record['cosine_min']:9.5f}\n" in shown
    assert "max_length=" in shown and "threads=2" in shown and "engine=" in shown
    pipeline.print_info(minimal=False)
    assert "searches, against float32's" in capsys.readouterr().out


def test_verbose_prints_the_info(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nlu.load(artifact, verbose=True)
    assert "columns of vectors" in capsys.readouterr().out


def test_a_table_needs_no_spark(artifact: Path) -> None:
    code = (
        "import sys; sys.modules['pyspark'] = sys.modules['pyarrow'] = None; from biobert_onnx import nlu;"
        f"print(len(nlu.load({str(artifact)!r}).predict('One. Two.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "2\n", done.stderr
