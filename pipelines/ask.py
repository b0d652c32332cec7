"""Questions to answers: retrieve, read all passages in one call, rank, cite."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from indexing.errors import InputError
from indexing.graph.facts import FACTS, facts_of, statements_at
from indexing.sentences import sentence_around
from pipelines.answers import Answer, AskResult, Citation
from pipelines.graph_answers import GraphAnswers, GraphSettings, open_graph
from reader.calibration import Calibration, RankedAnswer, rank_answers
from reader.rescoring import Rescorer
from reader.spans import Reader, Span

if TYPE_CHECKING:
    from encoder.protocol import TextEncoder
    from indexing.index import Index
    from retriever.hits import Hit, Retriever
    from retriever.stages.compose import StageSettings

TOP_K = 20
ANSWERS = 3
CITATIONS = 5  # places shown for one answer


class QuestionAnswering:
    """Answers questions from an index. Safe to call from several threads.

    >>> with QuestionAnswering.load("my-index") as qa:
    ...     for answer in qa.ask("Who wrote Faust?").answers:
    ...         print(answer.text, answer.probability, answer.citations[0].title)
    """

    def __init__(
        self,
        index: Index,
        retriever: Retriever,
        reader: Reader,
        calibration: Calibration,
        graph: GraphAnswers | None = None,
        rescorer: Rescorer | None = None,
    ) -> None:
        self._index = index
        self._retriever = retriever
        self._reader = reader
        self._calibration = calibration
        self._graph = graph
        self._rescorer = rescorer

    @classmethod
    def load(
        cls,
        index: str | Path | None = None,
        *,
        retriever: str | None = None,
        reader: str | Path | None = None,
        encoder: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        graph: GraphSettings | None = None,
        stages: StageSettings | None = None,
    ) -> QuestionAnswering:
        """Open an index with a retriever and a reader.

        Args:
            index: the index's folder; None takes `$QA_INDEX`, else the bundled demo's index,
                which is built into the cache folder on first use.
            retriever: "hybrid", "bm25" or "dense"; None takes hybrid where there are vectors.
            reader: a checkpoint folder; None takes the bundled reader.
            encoder: a folder, for an index built with an encoder of the user's own; None takes
                the one that the index was built with.
            device: "auto", "cpu" or a torch device such as "cuda".
            precision: "auto", "int8", "bf16" or "fp32".
            graph: how an index of a knowledge graph is asked; other indexes pay nothing for it.
            stages: what follows retrieval, such as reranking; None is nothing.

        Raises:
            InputError: the index, the reader, the encoder or the reranker is not to be had.
        """
        from indexing.index import Index
        from pipelines.bundled import index_folder
        from pipelines.stages import open_stages
        from reader.load import load_reader, load_rescorer

        opened = Index.open(index_folder(index))
        try:
            found = open_index_retriever(opened, retriever, encoder, device, precision)
            loaded = load_reader(reader, device, precision)
            again = load_rescorer(loaded.folder, device, precision)
            answers = None
            if opened.documents.may_have_metadata(FACTS):
                model = open_index_encoder(opened, encoder, device, precision)
                answers, found = open_graph(opened, found, model, graph or GraphSettings())
            if stages is not None:
                found = open_stages(opened, found, stages, device, precision, loaded.reader)
        except BaseException:
            opened.close()
            raise
        return cls(opened, found, loaded.reader, loaded.calibration, answers, again)

    @property
    def threshold(self) -> float:
        """The probability below which the checkpoint's calibration would rather not answer."""
        return self._calibration.threshold

    @property
    def retriever(self) -> Retriever:
        """What finds the passages."""
        return self._retriever

    def ask(
        self,
        question: str,
        *,
        answers: int = ANSWERS,
        top_k: int = TOP_K,
        min_probability: float | None = None,
    ) -> AskResult:
        """Answer one question; see `ask_batch`."""
        return self.ask_batch(
            [question], answers=answers, top_k=top_k, min_probability=min_probability
        )[0]

    def ask_batch(
        self,
        questions: Sequence[str],
        *,
        answers: int = ANSWERS,
        top_k: int = TOP_K,
        min_probability: float | None = None,
    ) -> list[AskResult]:
        """Answer questions, each from its `top_k` passages.

        Args:
            questions: any texts; an empty one has no answer.
            answers: at most so many answers for each question.
            top_k: passages read for each question.
            min_probability: answers less probable are left out; None takes the threshold that is
                stored with the reader, 0 keeps all.

        Returns:
            A result for each question. Timings are shared out evenly over the batch.
        """
        if answers < 1 or top_k < 1:
            raise InputError(f"answers and top-k must be 1 or more, not {answers} and {top_k}")
        begin = time.perf_counter()
        hits = self._retriever.retrieve(questions, top_k)
        middle = time.perf_counter()
        spans = self._reader.read(questions, [[hit.passage for hit in own] for own in hits])
        least = self.threshold if min_probability is None else min_probability
        found = self._answers(questions, spans, hits, answers, least)
        timings = _timings(begin, middle, time.perf_counter(), len(questions))
        return [
            AskResult(question, own, tuple(own_hits), timings)
            for question, own, own_hits in zip(questions, found, hits, strict=True)
        ]

    def ask_depths(
        self,
        questions: Sequence[str],
        depths: Sequence[int],
        *,
        answers: int = ANSWERS,
        min_probability: float = 0.0,
    ) -> list[dict[int, AskResult]]:
        """Answer questions from as many passages as each of `depths` says, reading each once.

        Passages are retrieved once, as many as the greatest depth; a smaller one takes the first
        of them. The timings are those of the greatest depth.
        """
        if answers < 1 or not depths or min(depths) < 1:
            raise InputError("answers and depths must be 1 or more")
        begin = time.perf_counter()
        hits = self._retriever.retrieve(questions, max(depths))
        middle = time.perf_counter()
        passages = [[hit.passage for hit in own] for own in hits]
        spans = self._reader.read_at_depths(questions, passages, depths)
        found = {
            depth: self._answers(
                questions,
                [own[depth] for own in spans],
                [own[:depth] for own in hits],
                answers,
                min_probability,
            )
            for depth in depths
        }
        timings = _timings(begin, middle, time.perf_counter(), len(questions))
        return [
            {d: AskResult(q, found[d][number], tuple(hits[number][:d]), timings) for d in depths}
            for number, q in enumerate(questions)
        ]

    def _answers(
        self,
        questions: Sequence[str],
        spans: Sequence[Sequence[Span]],
        hits: Sequence[Sequence[Hit]],
        limit: int,
        least: float,
    ) -> list[tuple[Answer, ...]]:
        passages = [[hit.passage for hit in own] for own in hits]
        ranked = rank_answers(questions, passages, spans, self._calibration, self._rescorer)
        return [
            self._shown(question, own[:limit], limit, least)
            for question, own in zip(questions, ranked, strict=True)
        ]

    def _shown(
        self, question: str, ranked: Sequence[RankedAnswer], limit: int, least: float
    ) -> tuple[Answer, ...]:
        found = tuple(self._cite(answer) for answer in ranked)
        if self._graph is not None:
            found = self._graph.answer(question, limit, found)
        return tuple(answer for answer in found if answer.probability >= least)

    def _cite(self, answer: RankedAnswer) -> Answer:
        citations = tuple(self._citation(span) for span in answer.spans[:CITATIONS])
        return Answer(answer.text, answer.probability, citations)

    def _citation(self, span: Span) -> Citation:
        document = self._index.documents.get(span.passage.document_id)
        start, end = span.passage.start + span.start, span.passage.start + span.end
        told, triples = statements_at(facts_of(document), start, end)
        first, last = told or sentence_around(document.text, start, end)
        score = span.start_logprob + span.end_logprob + span.relevance_logprob
        return Citation(
            document.id,
            document.title,
            document.url,
            start,
            end,
            span.passage.id,
            document.text[first:last],
            first,
            score,
            triples,
        )

    def close(self) -> None:
        """Give the index's files free."""
        self._index.close()

    def __enter__(self) -> QuestionAnswering:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _timings(begin: float, middle: float, end: float, questions: int) -> dict[str, float]:
    """Share the time of a batch out evenly, in milliseconds."""
    share = 1000 / max(1, questions)
    return {
        "retrieve": (middle - begin) * share,
        "read": (end - middle) * share,
        "total": (end - begin) * share,
    }


def open_index_retriever(
    index: Index, kind: str | None, encoder: str | None, device: str, precision: str
) -> Retriever:
    """Open a retriever over an index, with the encoder that made its vectors.

    Raises:
        InputError: the index has no vectors, or the encoder is another one.
    """
    from retriever.open import default_kind, open_retriever

    kind = kind or default_kind(index)
    if kind == "bm25":
        return open_retriever(index, kind)
    return open_retriever(index, kind, open_index_encoder(index, encoder, device, precision))


def open_index_encoder(
    index: Index, encoder: str | None, device: str, precision: str
) -> TextEncoder:
    """Open the encoder that made an index's vectors, or the one that the user names."""
    from encoder.load import load_encoder

    return load_encoder(index_encoder_name(index, encoder), device, precision)


def index_encoder_name(index: Index, encoder: str | None) -> str:
    """Return the name of the encoder that the user names, else of the one that made the vectors."""
    record = index.manifest.vectors
    return encoder or (record.encoder if record is not None else "default")
