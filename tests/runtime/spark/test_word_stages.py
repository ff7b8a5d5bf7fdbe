"""The stages of words in Spark: columns, saved pipelines, a file of exceptions, and inputs of a wrong type."""

from pathlib import Path

import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame, SparkSession

from biobert_onnx import SentenceEncoder
from biobert_onnx.catalog.names import DEFAULT as MODEL
from biobert_onnx.spark import (
    BertEmbeddings,
    DocumentAssembler,
    SentenceDetector,
    SentenceEmbeddings,
    Tokenizer,
    TokenizerModel,
    to_vector,
)

TEXTS = ["I hate cancer. Antibiotics aren't painkillers!", "", None, "😀 TNF-α."]
WORDS = [["I", "hate", "cancer", ".", "Antibiotics", "aren't", "painkillers", "!"], [], [], ["😀", "TNF-α", "."]]


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    rows = spark.createDataFrame([*enumerate(TEXTS)], "n int, text string").repartition(3)
    documents = DocumentAssembler().setInputCol("text").setOutputCol("document").transform(rows)
    return SentenceDetector().setInputCols("document").setOutputCol("sentence").transform(documents)


@pytest.fixture
def stages(models: Path) -> list[Tokenizer | BertEmbeddings | SentenceEmbeddings]:
    """Tokens, words and sentences; the columns of words stand in the order of Spark NLP's examples."""
    return [
        Tokenizer().setInputCols(["sentence"]).setOutputCol("token").addSplitChars("/"),
        BertEmbeddings.pretrained(MODEL, "en", str(models)).setInputCols("token", "sentence").setOutputCol("words"),
        SentenceEmbeddings().setInputCols(["sentence", "words"]).setOutputCol("vectors").setPoolingStrategy("SUM"),
    ]


def test_a_saved_pipeline_of_words_gives_the_vectors_of_the_encoder(
    frame: DataFrame,
    stages: list[Tokenizer | BertEmbeddings | SentenceEmbeddings],
    encoder: SentenceEncoder,
    tmp_path: Path,
) -> None:
    Pipeline(stages=stages).save(str(tmp_path / "pipeline"))  # type: ignore[arg-type]
    fitted = Pipeline.load(str(tmp_path / "pipeline")).fit(frame)
    fitted.save(str(tmp_path / "fitted"))
    loaded = PipelineModel.load(str(tmp_path / "fitted"))
    tokenizers = loaded.stages[0], stages[0]
    assert isinstance(tokenizers[0], TokenizerModel) and tokenizers[0].rules() == tokenizers[1].rules()
    found = loaded.transform(frame).cache()
    assert [found.schema[name].metadata for name in ("token", "words", "vectors")] == [
        {"annotatorType": "token"},
        *(
            {"annotatorType": kind, "dimension": encoder.token_dim, "ref": MODEL, "engine": encoder.engine}
            for kind in ("word_embeddings", "sentence_embeddings")
        ),
    ]
    rows = found.orderBy("n").collect()
    assert [[token.result for token in row.token] for row in rows] == WORDS
    assert [[word.result for word in row.words] for row in rows] == WORDS
    (item,) = encoder.encode_tokens(["I hate cancer ."], words=True, word_pooling="first")
    assert [word.embeddings for word in rows[0].words[:4]] == item.embeddings.tolist()
    assert rows[0].vectors[0].embeddings == pytest.approx(item.embeddings.sum(axis=0), abs=1e-5)
    assert to_vector(found, "vectors", "features").count() == 3


def test_fit_reads_the_exceptions_of_a_file_before_those_that_are_set(frame: DataFrame, tmp_path: Path) -> None:
    (tmp_path / "exceptions.txt").write_text("hate cancer\n\nI\\b\n", encoding="utf-8")
    tokenizer = (
        Tokenizer().setInputCols("sentence").addException("!").setExceptionsPath(f"file:{tmp_path}/exceptions.txt")
    )
    model = tokenizer.fit(frame)
    assert model.getExceptions() == ["hate cancer", "I\\b", "!"]
    row = model.transform(frame).where("n = 0").first()
    assert [token.result for token in row["token"]] == ["I", "hate cancer.", "Antibiotics", "aren't", "painkillers!"]  # type: ignore[index]
    (tmp_path / "wrong.txt").write_text("(", encoding="utf-8")
    with pytest.raises(ValueError, match=r"in the file of exceptionsPath, '.*wrong.txt': exceptions is '\('"):
        tokenizer.setExceptionsPath(str(tmp_path / "wrong.txt")).fit(frame)
    with pytest.raises(FileNotFoundError, match=r"exceptionsPath is '.*absent', which cannot be read"):
        tokenizer.setExceptionsPath(str(tmp_path / "absent")).fit(frame)


def test_a_column_of_another_type_names_the_stage_that_makes_the_right_one(
    frame: DataFrame, stages: list[Tokenizer | BertEmbeddings | SentenceEmbeddings]
) -> None:
    _, words, pooled = stages
    assert isinstance(words, BertEmbeddings) and isinstance(pooled, SentenceEmbeddings)
    with pytest.raises(ValueError, match="expected token annotations: put a Tokenizer before this stage"):
        words.setInputCols("document", "sentence").transform(frame)
    with pytest.raises(ValueError, match="expected word_embeddings annotations: put BertEmbeddings before this stage"):
        pooled.setInputCols("document", "sentence").transform(frame)
