"""The public encoder. `encoding/pipeline.py` is the way from texts to vectors that all of its calls take."""

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import takewhile
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from biobert_onnx._progress import ProgressBar, can_show_progress
from biobert_onnx._types import FloatArray, Text
from biobert_onnx.artifact.manifest import LAST, TOKEN_LAYERS, Manifest
from biobert_onnx.artifact.paths import MANIFEST, PACKED_FOLDER, TOKENIZER, checked_folder
from biobert_onnx.embeddings import scale_to_unit_length, similarity
from biobert_onnx.encoding.async_calls import AsyncCalls, Waiting
from biobert_onnx.encoding.call import Call, NamingSentences, warn_of_cut_texts
from biobert_onnx.encoding.cpus import usable_cpus
from biobert_onnx.encoding.engines import Engine, check_engine
from biobert_onnx.encoding.long_texts import check_long_texts
from biobert_onnx.encoding.pairs import tokens_of
from biobert_onnx.encoding.pipeline import Group, Options, Pipeline, Progress
from biobert_onnx.encoding.prompts import DOCUMENT, QUERY, Prompts, with_prompt
from biobert_onnx.encoding.texts import (
    CHUNK_TEXTS,
    check_sequence,
    check_unicode,
    checked,
    checked_texts,
    chunks,
    single_texts,
)
from biobert_onnx.encoding.token_vectors import (
    GROUP_TEXTS,
    WORD_POOLINGS,
    TokenEmbeddings,
    TokenOptions,
    TokenPipeline,
    checked_spans,
    span_vectors,
)
from biobert_onnx.encoding.tokenizer import TextTokenizer
from biobert_onnx.errors import CLOSED, EngineError, TextTooLongError, check_flags, check_int, short_repr
from biobert_onnx.kernels.prepacked import existing_folder

MAX_THREADS = 1024
"""More threads than this are a mistake."""

G = TypeVar("G", bound=Group)


class SentenceEncoder:
    """Turns texts into pooled sentence vectors with one artifact folder, on CPUs.

    A text gets the same bits whatever it is encoded with, in whatever order and on however many threads: with the
    engine "kernels" on every CPU, with "onnxruntime" on one type of CPU and one of its versions. One encoder may be
    called from many threads at once, works on in forked processes, and pickles as the path of its artifact and its
    engine. It may be used as a context manager, which closes it.

        encoder = SentenceEncoder("biobert-v1.1-int8")          # an artifact folder
        embeddings = encoder.encode(["I hate cancer", "Antibiotics aren't painkiller"])   # (2, 768) float32
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_length: int | None = None,
        threads: int | None = None,
        prepacked: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        literal_special_tokens: bool = False,
    ):
        """Load the artifact in the folder `path`.

        `max_length`: tokens a text is cut to, [CLS] and [SEP] included; None takes the manifest's.
        `threads`: worker threads, each computing one micro-batch at a time; None takes one for each CPU this process
        may use. A text alone takes all of them.
        `prepacked`: a folder made by `biobert-onnx prepack --into`; None takes the one inside the artifact. The kernels
        use either if it was made from this artifact; a packed artifact runs on its own.
        `engine`: "kernels" or "onnxruntime"; None takes the kernels where they can run this artifact, else onnxruntime,
        which a packed artifact has no graphs for.
        The vectors of the two differ by what int8 rounding costs: keep those of one engine together. With None, an
        EngineWarning says so if the artifact was measured on the kernels and onnxruntime takes over.
        `literal_special_tokens`: how "[SEP]" in a text is read, and every other special token that is written there.
        False takes it for the token, as transformers and sentence-transformers do. True takes it for the characters
        that it is, so that no text can hold a token which the network takes for its own; use it for texts of strangers.
        Prompts are read as texts are.

        Raises ArtifactError if the folder is no complete artifact (sizes are checked here, sha256 by
        `biobert-onnx verify`), FileNotFoundError if `prepacked` holds no packed weights, ValueError if `path` is empty,
        if `max_length` or `threads` is out of range, if `literal_special_tokens` is no bool, or if `engine` cannot run
        here; the message says why.
        """
        self._folder = folder = checked_folder(path)
        self._manifest = manifest = Manifest.read(folder)
        manifest.check_sizes(folder)
        self._max_length = manifest.max_length if max_length is None else manifest.check_max_length(max_length)
        self._prompts = Prompts.of(manifest, folder / MANIFEST)
        self._threads = _checked_threads(threads)
        _check_literal(literal_special_tokens)
        packed = folder / PACKED_FOLDER if prepacked is None else existing_folder(prepacked)
        self._engine = Engine.choose(folder, manifest, engine)
        self._engine.warn_of_fallback(manifest, stacklevel=2)
        self._make_again = partial(
            type(self),
            folder,
            max_length=max_length,
            threads=threads,
            prepacked=prepacked,
            engine=self._engine.name,
            literal_special_tokens=literal_special_tokens,
        )
        tokenizer = TextTokenizer(folder / TOKENIZER, literal_special_tokens=literal_special_tokens)
        self._session = self._engine.open(folder, manifest, packed=packed, threads=self._threads)
        self._pipeline = Pipeline(
            tokenizer=tokenizer,
            run=self._session.run,
            dim=self.dim,
            max_length=self._max_length,
            normalized=manifest.normalized,
            threads=self._threads,
            pairs=manifest.pairs,
        )
        self._token_pipeline = TokenPipeline(
            tokenizer=tokenizer,
            run=self._session.token_vectors,
            max_length=self._max_length,
            threads=self._threads,
        )
        self._async_calls = AsyncCalls(self._pipeline)
        self._is_closed = False

    @classmethod
    def from_hub(
        cls,
        repository: str,
        *,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        max_length: int | None = None,
        threads: int | None = None,
        prepacked: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        literal_special_tokens: bool = False,
    ) -> Self:
        """Return an encoder on the artifact in `repository` (owner/name) on the Hugging Face Hub.

        The files of its manifest, and no others, are downloaded into the Hub's cache, once for each commit. If the Hub
        cannot be reached within 10 seconds, or HF_HUB_OFFLINE is set, the snapshot in the cache is used.

        `revision`: a branch, tag or commit; None takes the main branch. `token`: an access token; None takes the one
        that is logged in on this machine, if any. `cache_dir`: None takes the Hub's own (HF_HUB_CACHE).
        `max_length`, `threads`, `prepacked`, `engine`, `literal_special_tokens`: those of SentenceEncoder. What can be
        checked of them without the manifest is checked before the download.

        Raises ArtifactError if the Hub refuses, or cannot be reached and the cache has no whole snapshot, and as
        SentenceEncoder does; ValueError if `repository` is no id, ValueError and TypeError for a `revision` or `token`
        that no request can carry, ModuleNotFoundError without huggingface_hub.
        """
        from biobert_onnx.artifact.hub import download_artifact  # a cold start need not pay for it

        if max_length is not None:
            check_int("max_length", max_length, range(1, sys.maxsize), "leave it out to take the artifact's")
        _checked_threads(threads)
        if prepacked is not None:
            existing_folder(prepacked)
        check_engine(engine)
        _check_literal(literal_special_tokens)
        folder = download_artifact(repository, revision=revision, token=token, cache_dir=cache_dir)
        return cls(
            folder,
            max_length=max_length,
            threads=threads,
            prepacked=prepacked,
            engine=engine,
            literal_special_tokens=literal_special_tokens,
        )

    def __repr__(self) -> str:
        manifest = self._manifest
        literal = ", literal_special_tokens=True" if self.literal_special_tokens else ""
        return (
            f"SentenceEncoder({str(self._folder)!r}, precision={manifest.precision!r}, dim={manifest.dim}, "
            f"pooling={manifest.pooling!r}, unit_length={manifest.normalized}, max_length={self._max_length}, "
            f"threads={self._threads}, engine={self.engine!r}{literal})"
        )

    def __enter__(self) -> Self:
        """The encoder itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()

    def __reduce__(self) -> tuple[Callable[..., "SentenceEncoder"], tuple[Callable[[], "SentenceEncoder"]]]:
        """What it was made with, and its engine: another process loads the artifact itself, and takes no other one."""
        return _unpickled, (self._make_again,)

    def close(self) -> None:
        """Give memory and threads back; encoding raises ValueError from then on, and where it is awaited now."""
        self._is_closed = True
        self._session.close()
        self._async_calls.close()

    @property
    def dim(self) -> int:
        """The length of one vector."""
        return self._manifest.dim

    @property
    def token_dim(self) -> int:
        """The length of one vector of a token; 0 if the artifact has none."""
        return self._manifest.token_dim

    @property
    def engine(self) -> str:
        """What computes the vectors here: "kernels" or "onnxruntime"."""
        return self._engine.name

    @property
    def kernel(self) -> str | None:
        """The kernel for this CPU, such as "vnni"; None under onnxruntime."""
        return self._engine.kernel

    @property
    def waiting(self) -> Waiting:
        """The calls that are awaited now (`aencode` and its like), and the texts in them that have no vector yet."""
        return self._async_calls.waiting

    @property
    def text_tokenizer(self) -> TextTokenizer:
        """What gives texts their token ids here, for tools that show tokens; its settings cannot be changed."""
        return self._pipeline.tokenizer

    @property
    def literal_special_tokens(self) -> bool:
        """Whether a special token that is written in a text is read as the characters that it is."""
        return self._pipeline.tokenizer.literal_special_tokens

    @property
    def max_length(self) -> int:
        """Tokens a text is cut to, [CLS] and [SEP] included."""
        return self._max_length

    @property
    def manifest(self) -> Manifest:
        """What the artifact is, where it came from and how faithful it was measured to be."""
        return self._manifest

    @property
    def pairs(self) -> bool:
        """Whether a text may be a pair of texts; the checkpoint was then exported with `pairs=True`."""
        return self._manifest.pairs

    @property
    def prompts(self) -> dict[str, str]:
        """The artifact's prompts by their names, which `prompt_name` takes; {} if the checkpoint has none."""
        return dict(self._manifest.prompts)

    @property
    def default_prompt_name(self) -> str | None:
        """The name of the prompt that is put before texts if a call asks for none; None if nothing is."""
        return self._manifest.default_prompt

    def chosen_prompt(self, *, prompt_name: str | None = None, prompt: str | None = None) -> str:
        """Return the text that a call with these arguments puts before each of its texts, "" for none.

        Raises as `encode` does for them.
        """
        return self._prompts.chosen(prompt, prompt_name)

    def get_sentence_embedding_dimension(self) -> int:
        """Return `dim`, by the name that sentence-transformers gives it."""
        return self.dim

    def similarity(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return `biobert_onnx.similarity(left, right)`, which is a method in sentence-transformers."""
        return similarity(left, right)

    def encode(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        show_progress_bar: bool | None = None,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """Return one vector a sentence: (n, dim) float32, in the order given; (0, dim) for no sentences.

        An empty or blank sentence is the text `[CLS] [SEP]` and gets its vector. Equal sentences are computed once.

        If the artifact takes `pairs`, a sentence may be a pair of texts, (text, text), beside single ones: it is
        `[CLS] first [SEP] second [SEP]` in two segments, and its prompt stands before the first text.

        `prompt_name`: the name of the prompt, one of `prompts`, that is put before each sentence.
        `prompt`: the text that is put before each sentence, at most 8,192 characters; "" for none. If both are None,
        it is the artifact's default prompt, `default_prompt_name`, if there is one.
        `normalize_embeddings`: scale each vector to unit length, after `truncate_dim`.
        `show_progress_bar`: on stderr; None shows it on a terminal when there are more than 1,024 sentences.
        `truncate_dim`: keep only the first numbers of each vector, 1 to `dim` of them.
        `long_texts`: what is done with sentences of more than `max_length` tokens, the prompt's included. "truncate"
        cuts them there, and gives one TruncationWarning a call. "error" raises TextTooLongError. "window" encodes the
        whole sentence in windows of `max_length` tokens, each sharing 1/8 of its tokens with the next, and gives the
        mean of their vectors weighted by their tokens without [CLS] and [SEP], scaled to unit length if the artifact's
        vectors are; the prompt stands in the first window only. Of a pair, "truncate" takes tokens from the end of the
        longer text, one by one, as transformers does it (longest_first); "window" raises as "error" does.

        Raises TypeError for what is no sequence of texts (a bare str, a table, a mapping, a set) and for an entry that
        is no str, or a pair where the artifact takes none; ValueError for a lone surrogate, and for a pair of more or
        fewer texts than two. These name the entry's index, in a pair that of the text, too. Raises TextTooLongError
        for a text with a word of more than 262,144 characters that are not all letters and digits. Raises TypeError for
        a `prompt` or `prompt_name` that is no str; ValueError if both are given, for a name that is not there, a prompt
        that is too long or holds a lone surrogate, or any prompt if the checkpoint leaves prompts out of its pooling.
        Raises ValueError for `truncate_dim` or `long_texts` out of range, and after `close`; TypeError for a flag that
        is neither True nor False; ArtifactError if onnxruntime needs files of the artifact again that have changed.
        """
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts)
        call = Call(sentences, options, pairs=self.pairs)
        self._fill(call, show_progress_bar)
        return call.finish(stacklevel=2)[0]

    def encode_query(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        show_progress_bar: bool | None = None,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """Return what `encode` returns, with the prompt "query" if no other is asked for.

        If the artifact has no such prompt, nothing is put before the sentences, whatever the default prompt is: as in
        sentence-transformers, where every model has a "query", an empty one if its files name none.
        """
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts, task=QUERY)
        call = Call(sentences, options, pairs=self.pairs)
        self._fill(call, show_progress_bar)
        return call.finish(stacklevel=2)[0]

    def encode_document(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        show_progress_bar: bool | None = None,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """Return what `encode` returns, with the prompt "document" if no other is asked for.

        If the artifact has no such prompt, nothing is put before the sentences, as in `encode_query`. For prompts of
        other names, "passage" for example, say `prompt_name`.
        """
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts, task=DOCUMENT)
        call = Call(sentences, options, pairs=self.pairs)
        self._fill(call, show_progress_bar)
        return call.finish(stacklevel=2)[0]

    def encode_with_counts(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return what `encode` returns, and the encoded tokens of each sentence, (n,) int64.

        The tokens are those of the prompt and the sentence, [CLS] and [SEP] included; those that "truncate" cuts off
        are not counted. Options and errors are those of `encode`.
        """
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts)
        call = Call(sentences, options, pairs=self.pairs)
        self._fill(call, show_progress_bar=False)
        return call.finish(stacklevel=2)

    async def aencode(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """Return what `encode` returns, awaited: calls that are awaited at the same time are computed together.

        The computing runs on threads beside the event loop, `threads` of them and one more for small calls, which end
        soon after the last call; any number of loops, in any threads, may share an encoder. Calls take turns
        micro-batch by micro-batch, and the one that was given least comes next: a few sentences do not wait for a call
        of many, which goes on beside them. No call waits for others to come.

        Options and errors are those of `encode`. An error of one call's sentences reaches only that call, and
        cancelling one does not harm the others: no more of it is computed. A call holds its sentences, their vectors,
        and the tokens of a part of them. After `close`, and when it is closed meanwhile, it raises ValueError.
        """
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts)
        call = Call(sentences, options, pairs=self.pairs)
        await self._fill_awaited(call)
        return call.finish(stacklevel=2)[0]

    async def aencode_query(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """Return what `encode_query` returns, awaited as `aencode` is."""
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts, task=QUERY)
        call = Call(sentences, options, pairs=self.pairs)
        await self._fill_awaited(call)
        return call.finish(stacklevel=2)[0]

    async def aencode_document(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> FloatArray:
        """Return what `encode_document` returns, awaited as `aencode` is."""
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts, task=DOCUMENT)
        call = Call(sentences, options, pairs=self.pairs)
        await self._fill_awaited(call)
        return call.finish(stacklevel=2)[0]

    async def aencode_with_counts(
        self,
        sentences: Sequence[Text],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return what `encode_with_counts` returns, awaited as `aencode` is."""
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts)
        call = Call(sentences, options, pairs=self.pairs)
        await self._fill_awaited(call)
        return call.finish(stacklevel=2)

    def encode_stream(
        self,
        texts: Iterable[Text],
        *,
        chunk_size: int = CHUNK_TEXTS,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
    ) -> Generator[FloatArray, None, None]:
        """Yield the vectors of any number of texts, in order: arrays (chunk_size, dim) float32, the last one (k, dim).

        Memory does not grow with the number of texts. One thread of its own reads and tokenizes ahead, at most 1,024
        texts or 8,388,608 characters; it ends with the stream, or when the generator is closed or dropped. A text gets
        the same bits as from `encode`, whose options these are; the stream's end warns of texts that were cut.

        Raises TypeError for a bare str, and as `encode` does for an entry that is no text; that error, or one of the
        iterable, comes after the arrays of the whole chunks before it. ValueError if `chunk_size` is less than 1, and
        as `encode` does for the options.
        """
        check_sequence(texts, call="encode_stream([text])")
        chunk_size = check_int("chunk_size", chunk_size, range(1, sys.maxsize), f"leave it out to get {CHUNK_TEXTS}")
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts)
        return self._stream(iter(texts), chunk_size, options)

    def encode_groups(
        self,
        groups: Iterable[G],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        long_texts: str = "truncate",
        progress: Progress[G] | None = None,
    ) -> Generator[tuple[G, FloatArray], None, None]:
        """Yield each of `groups` with the vectors (n, dim) of its `texts`: for rows that are more than a text.

        The next group is read and tokenized on a thread meanwhile; memory is that of two groups. `progress` gets
        a group and the share of its tokens that is done, above 0 and up to 1, after each micro-batch.

        Options and errors are those of `encode`; every text of a group must be a str of valid Unicode.
        """
        options = self._options(prompt_name, prompt, normalize_embeddings, truncate_dim, long_texts)
        return self._groups(groups, options, progress)

    def encode_tokens(
        self,
        sentences: Sequence[str],
        *,
        layers: str = LAST,
        words: bool = False,
        word_pooling: str = "mean",
        prompt_name: str | None = None,
        prompt: str | None = None,
        show_progress_bar: bool | None = None,
        long_texts: str = "truncate",
    ) -> list[TokenEmbeddings]:
        """Return the vectors of each sentence's tokens with their places in it, one item a sentence, in order.

        The vectors are what the network's layers give, `token_dim` numbers each: neither pooled nor of unit length.
        [CLS] and [SEP] have rows, too, marked `special`. A sentence gets the same bits whatever it is encoded with.
        Equal sentences are computed once; each gets arrays of its own. The items take 4 bytes a number, so 1,000
        sentences of 512 tokens take 1.6 GB at 768 numbers: `encode_token_groups` gives a few at a time.

        `layers`: "last", the last layer's output, or "mean_last_four", the mean of the last four layers' outputs.
        `words`: a row for each word in place of a row for each token, with the word's offsets, and no special tokens. A
        punctuation mark is a word.
        `word_pooling`: with `words`, "mean" of the vectors of a word's tokens, or that of its "first" token.
        `prompt_name`, `prompt`: as in `encode`. The network reads the prompt; its own tokens are left out here, and
        offsets are those in the sentence itself.
        `show_progress_bar`: as in `encode`.
        `long_texts`: what is done with sentences of more than `max_length` tokens, the prompt's included. "truncate"
        leaves out the tokens behind, and gives one TruncationWarning a call; a word may lose its last tokens. "error"
        raises TextTooLongError. "window" gives all tokens: the sentence is computed in the windows of `encode`, and a
        token that lies in two has its vector from the one in which it is farther from the cut.

        Raises ArtifactError if the artifact has no vectors of tokens, ValueError if not those of `layers`, for options
        out of range, and after `close`; for sentences and prompts as `encode` does.
        """
        options = self._token_options(layers, words, word_pooling, prompt_name, prompt, long_texts)
        texts = single_texts("sentences", checked_texts(sentences, pairs=True))
        numbers: dict[str, int] = {}
        rows = [numbers.setdefault(text, len(numbers)) for text in texts]
        items, was_cut = self._token_items(numbers, options, rows, show_progress_bar)
        warn_of_cut_texts(sum(was_cut[row] for row in rows), len(rows), stacklevel=2)
        last = {row: place for place, row in enumerate(rows)}
        return [items[row] if last[row] == place else items[row].copy() for place, row in enumerate(rows)]

    def encode_token_groups(
        self,
        groups: Iterable[G],
        *,
        layers: str = LAST,
        words: bool = False,
        word_pooling: str = "mean",
        prompt_name: str | None = None,
        prompt: str | None = None,
        long_texts: str = "truncate",
        progress: Progress[G] | None = None,
    ) -> Generator[tuple[G, list[TokenEmbeddings]], None, None]:
        """Yield each of `groups` with an item for each of its `texts`, as `encode_tokens` gives them.

        The next group is read and tokenized on a thread meanwhile; memory is that of one group's vectors, so groups
        should be small. `progress` is that of `encode_groups`. Options and errors are those of `encode_tokens`; every
        text of a group must be a str of valid Unicode.
        """
        options = self._token_options(layers, words, word_pooling, prompt_name, prompt, long_texts)
        return self._token_groups(groups, options, progress)

    def encode_spans(
        self,
        text: str,
        spans: Iterable[tuple[int, int]],
        *,
        layers: str = LAST,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool = False,
    ) -> FloatArray:
        """Return a vector for each stretch of one text, read in the context of the whole: (spans, token_dim) float32.

        This is late chunking (Guenther et al. 2024, arXiv 2409.04701). The vector is the mean of the vectors of the
        tokens that overlap the span, [CLS] and [SEP] left out. A text of more than `max_length` tokens is computed in
        windows, as `encode_tokens` does with `long_texts` "window".

        `spans`: where each begins and ends, in characters of `text`; they may overlap and come in any order.
        `layers`, `prompt_name`, `prompt`: those of `encode_tokens`. `normalize_embeddings`: unit length.

        Raises ValueError, which names it, for a span that is empty, reversed, outside the text or without a token;
        TypeError for a `text` that is no str and for `spans` that are none; for all else as `encode_tokens` does.
        """
        options = self._token_options(layers, False, "mean", prompt_name, prompt, "window")
        if not isinstance(text, str):
            raise TypeError(f"text is {short_repr(text)}, of type {type(text).__name__}: it must be one str")
        check_unicode("text", text)
        check_flags(normalize_embeddings=normalize_embeddings)
        pairs = checked_spans(spans, len(text))
        items, _ = self._token_items([text], options, [0], show_progress_bar=False)
        vectors = span_vectors(items[0], pairs)
        if normalize_embeddings:
            scale_to_unit_length(vectors)
        return vectors

    def token_counts(
        self, sentences: Sequence[Text], *, prompt_name: str | None = None, prompt: str | None = None
    ) -> NDArray[np.int64]:
        """Return the tokens of each sentence before any is cut, (n,) int64: those that `encode` reads.

        They are those of the prompt and the sentence, [CLS] and [SEP] included. Raises as `encode` does for the prompt
        and for what is no sequence of texts.
        """
        prompt = self.chosen_prompt(prompt_name=prompt_name, prompt=prompt)
        counts: list[int] = []
        for chunk in chunks(checked_texts(sentences, pairs=self.pairs)):
            try:
                counts += map(len, tokens_of(self._pipeline.tokenizer, with_prompt(prompt, chunk.texts)))
            except TextTooLongError as error:
                raise error.at(len(counts) + error.index, argument="sentences") from None
        return np.array(counts, dtype=np.int64)

    def _options(
        self,
        prompt_name: str | None,
        prompt: str | None,
        normalize: bool,
        truncate_dim: int | None,
        long_texts: str,
        *,
        task: str | None = None,
    ) -> Options:
        """The checked options of a call; `task` is the name of its prompt if the call asks for none."""
        self._check_open()
        check_flags(normalize_embeddings=normalize)
        check_long_texts(long_texts)
        dim = self.dim
        if truncate_dim is not None:
            dim = check_int("truncate_dim", truncate_dim, range(1, dim + 1), "the numbers of a vector")
        chosen = self._prompts.chosen(prompt, prompt_name, task=task)
        return Options(dim=dim, normalize=normalize, long_texts=long_texts, prompt=chosen)

    def _token_options(
        self,
        layers: str,
        words: bool,
        word_pooling: str,
        prompt_name: str | None,
        prompt: str | None,
        long_texts: str,
    ) -> TokenOptions:
        """The checked options of a call for vectors of tokens."""
        self._check_open()
        check_long_texts(long_texts)
        if layers not in TOKEN_LAYERS:
            raise ValueError(f"layers is {short_repr(layers)}, expected one of {', '.join(TOKEN_LAYERS)}")
        if word_pooling not in WORD_POOLINGS:
            raise ValueError(f"word_pooling is {short_repr(word_pooling)}, expected one of {', '.join(WORD_POOLINGS)}")
        if not isinstance(words, bool):
            raise ValueError(f"words is {short_repr(words)}, expected True or False: word_pooling= says how")
        self._manifest.check_token_layers(self._folder, layers)
        chosen = self._prompts.chosen(prompt, prompt_name)
        return TokenOptions(
            layers=layers, word_pooling=word_pooling if words else None, long_texts=long_texts, prompt=chosen
        )

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError(CLOSED)

    def _token_items(
        self, texts: Iterable[str], options: TokenOptions, rows: Sequence[int], show_progress_bar: bool | None
    ) -> tuple[list[TokenEmbeddings], list[bool]]:
        """Return an item for each of the distinct `texts`, and whether it was cut; `rows`: those of the sentences."""
        groups = list(chunks(texts, max_texts=GROUP_TEXTS))
        if show_progress_bar is None:
            show_progress_bar = len(rows) > CHUNK_TEXTS and can_show_progress()
        items: list[TokenEmbeddings] = []
        was_cut: list[bool] = []
        count = sum(len(group.texts) for group in groups)
        with ProgressBar(len(rows), enabled=show_progress_bar) as bar, NamingSentences(rows):
            parts = self._token_pipeline.encode(
                groups,
                options,
                ahead=len(groups) > 1,
                progress=lambda group, share: bar.update((len(items) + share * len(group.texts)) / count * len(rows)),
            )
            with closing(parts):
                for _, part in parts:
                    items += part.items
                    was_cut += part.was_cut
        return items, was_cut

    def _token_groups(
        self, groups: Iterable[G], options: TokenOptions, progress: Progress[G] | None
    ) -> Generator[tuple[G, list[TokenEmbeddings]], None, None]:
        """Yield what `encode_token_groups` yields, whose arguments are checked."""
        texts = cut = 0
        with closing(self._token_pipeline.encode(groups, options, ahead=True, progress=progress)) as parts:
            for group, part in parts:
                texts, cut = texts + len(part.items), cut + sum(part.was_cut)
                yield group, part.items
        warn_of_cut_texts(cut, texts, stacklevel=2)

    def _fill(self, call: Call, show_progress_bar: bool | None) -> None:
        """Fill `call`, and draw a bar on stderr; None draws it on a terminal if there are many sentences."""
        if show_progress_bar is None:
            show_progress_bar = len(call) > CHUNK_TEXTS and can_show_progress()
        with ProgressBar(len(call), enabled=show_progress_bar) as bar, call.naming_sentences():
            parts = self._pipeline.encode(
                call.chunks,
                call.options,
                ahead=len(call.chunks) > 1,
                progress=lambda chunk, share: bar.update(call.sentences_done(share * len(chunk.texts))),
            )
            with closing(parts):
                for _, part in parts:
                    call.fill(part)

    async def _fill_awaited(self, call: Call) -> None:
        """Fill `call` step by step, in turns with other calls."""
        with call.naming_sentences():
            await self._async_calls.fill(call)

    def _groups(
        self, groups: Iterable[G], options: Options, progress: Progress[G] | None
    ) -> Generator[tuple[G, FloatArray], None, None]:
        """Yield what `encode_groups` yields, whose arguments are checked."""
        texts = cut = 0
        with closing(self._pipeline.encode(groups, options, ahead=True, progress=progress)) as parts:
            for group, part in parts:
                texts, cut = texts + len(part.was_cut), cut + int(part.was_cut.sum())
                yield group, part.embeddings
        warn_of_cut_texts(cut, texts, stacklevel=2)

    def _stream(self, texts: Iterator[Text], chunk_size: int, options: Options) -> Generator[FloatArray, None, None]:
        """Yield the arrays of `encode_stream`, whose chunks end where an array ends."""
        closed: list[None] = []  # not empty once the consumer has gone: then nothing more is read
        live = takewhile(lambda _: not closed, checked(texts, pairs=self.pairs))
        arrays: list[FloatArray] = []
        count = cut = 0
        with closing(self._pipeline.encode(chunks(live, aligned_to=chunk_size), options, ahead=True)) as parts:
            try:
                for _, part in parts:
                    arrays.append(part.embeddings)
                    count, cut = count + len(part.was_cut), cut + int(part.was_cut.sum())
                    if count % chunk_size == 0:
                        yield _joined(arrays)
                        arrays = []
            finally:
                closed.append(None)
        if arrays:
            yield _joined(arrays)
        warn_of_cut_texts(cut, count, stacklevel=2)


def _unpickled(make: Callable[[], SentenceEncoder]) -> SentenceEncoder:
    """Make a pickled encoder again; raises what SentenceEncoder raises, EngineError if its kernels cannot run here."""
    try:
        return make()
    except EngineError as error:
        raise EngineError(error.artifact, error.reason, error.engine, error.other, was_pickled=True) from error


def _check_literal(literal_special_tokens: bool) -> None:
    if not isinstance(literal_special_tokens, bool):
        raise ValueError(
            f"literal_special_tokens is {short_repr(literal_special_tokens)}, expected True or False: True reads a "
            "special token that is written in a text as plain text"
        )


def _joined(arrays: Sequence[FloatArray]) -> FloatArray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _checked_threads(threads: int | None) -> int:
    if threads is None:
        return usable_cpus()
    return check_int("threads", threads, range(1, MAX_THREADS + 1), "leave it out to use every CPU")
