"""One published checkpoint: its names, its source, and what is known of it."""

from dataclasses import dataclass

SPARK_NLP_PREFIX = "sent_biobert_"
NLU_PREFIX = "en.embed_sentence.biobert."
"""How the names of all these models begin in Spark NLP and in NLU."""

LANGUAGE = "en."
"""What names in NLU may leave out: it takes a name without a language as English."""

SENTENCES = ("I hate cancer", "Antibiotics aren't painkiller")
"""The two sentences of every page; the word level shows the words of the first one."""

UNKNOWN = "unknown"
"""The licence of a checkpoint whose publisher names none."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One checkpoint: `short` is its name for typing, `title` the one of its authors, `spark_nlp` that of Spark NLP.

    `nlu` are names of NLU's besides those that `spark_nlp` implies.
    `hub` are its ids on the Hugging Face Hub, the first one is taken; `archive` is the name of its TensorFlow archive.
    `licence` is an identifier of SPDX, "public-domain" or UNKNOWN. `casing`: cased or uncased.
    `pooling` is the one that it was trained with, None if it was not trained to give vectors, or if that is not known.
    `max_length` is the number of tokens that its authors cut texts to, None if it is not known. `texts` says what its
    authors give it where that is no plain text, `pairs` whether it is two texts, as two segments.
    `sentences` (one a sentence of SENTENCES) and `words` (one a word of the first) are the first numbers as printed,
    empty where none were; "..." ends a number that the page cuts. `papers` are to be cited.
    """

    short: str
    title: str
    dim: int
    parameters: int | None
    casing: str
    max_length: int | None
    licence: str
    papers: tuple[str, ...]
    pooling: str | None = None
    pairs: bool = False
    texts: str | None = None
    spark_nlp: str | None = None
    nlu: tuple[str, ...] = ()
    hub: tuple[str, ...] = ()
    archive: str | None = None
    sentences: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that artifacts record: Spark NLP's, else the short one."""
        return self.spark_nlp or self.short

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of this checkpoint, that of a clone of its repository included."""
        clones = (hub.partition("/")[2] for hub in self.hub)
        archive = () if self.archive is None else (self.archive,)
        return tuple(dict.fromkeys((self.short, *self._spark_nlp_names(), *self.hub, *clones, *archive)))

    @property
    def where(self) -> str:
        """Where to get it: the Hub id, or the archive on the authors' release page."""
        return self.hub[0] if self.hub else f"{self.archive} from the releases of github.com/naver/biobert-pretrained"

    def _spark_nlp_names(self) -> tuple[str, ...]:
        """Its names in Spark NLP, whose pages on word vectors leave out `sent_`, and in NLU, with and without `en.`."""
        if self.spark_nlp is None:
            return ()
        nlu = (NLU_PREFIX + self.spark_nlp.removeprefix(SPARK_NLP_PREFIX), *self.nlu)
        short = (name.removeprefix(LANGUAGE) for name in nlu)
        return (self.spark_nlp, self.spark_nlp.removeprefix("sent_"), *nlu, *short)
