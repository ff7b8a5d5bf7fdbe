"""A text comes in, its sentences with their offsets go out, by this project's rules or by those of Spark NLP.

May import `encoder.py` and what stands below it; imported by `nlu/`, `spark/` and by users.
"""

from biobert_onnx.sentences.encoded import EncodedSentence, split_and_encode
from biobert_onnx.sentences.splitting import Sentence, split

__all__ = ["EncodedSentence", "Sentence", "split", "split_and_encode"]
