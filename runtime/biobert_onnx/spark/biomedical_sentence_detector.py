"""BiomedicalSentenceDetector: sentences by this project's rules."""

from pyspark.ml.util import DefaultParamsReadable

from biobert_onnx.spark.sentence_stage import SentenceStage


class BiomedicalSentenceDetector(SentenceStage, DefaultParamsReadable["BiomedicalSentenceDetector"]):
    """Makes a document annotation of each sentence by rules for biomedical texts, those of `nlu` and `sentences.split`.

    The params that are lengths count code points. Custom bounds are regular expressions of Python's `re`.
    """

    rules = "biomedical"
