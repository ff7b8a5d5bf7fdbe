"""SentenceDetector: the sentences of Spark NLP's."""

from pyspark.ml.util import DefaultParamsReadable

from biobert_onnx.spark.sentence_stage import SentenceStage


class SentenceDetector(SentenceStage, DefaultParamsReadable["SentenceDetector"]):
    """Makes a document annotation of each sentence by Spark NLP's rules, so rows and texts are those of Spark NLP.

    The params that are lengths count UTF-16 units. Custom bounds are regular expressions of Python's `re`, in which
    `\\s`, `\\w` and `\\d` mean ASCII, as on the JVM.
    """

    rules = "spark-nlp"
