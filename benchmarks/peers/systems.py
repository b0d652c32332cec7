"""The systems that are compared, and the settings that each is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class System:
    """A system under test.

    `script` lies in runners/, and `requirements` names a file in requirements/ (None: the
    environment of the driver, where SpanQA is). `asks` says that it can answer open questions, and
    `reads` that it has a reader of its own. `program` must be on the path. `note` is printed
    under the tables.
    """

    name: str
    title: str
    script: str
    requirements: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    asks: bool = True
    reads: bool = True
    program: str | None = None
    note: str = ""

    @property
    def runner(self) -> Path:
        """The script that runs it."""
        return HERE / "runners" / self.script


OURS = "spanqa"
REFERENCE = "plain"
"""The system whose reader is the fp32 reference: transformers' own model class and arithmetic."""

SYSTEMS = (
    System(
        OURS,
        "SpanQA",
        "run_spanqa.py",
        None,
        {"precision": "auto"},
        note="the defaults: precision by the processor, hybrid of 100 + 100 hits",
    ),
    System(
        "spanqa-four",
        "SpanQA, four passages",
        "run_spanqa.py",
        None,
        {"precision": "auto", "passages": 4},
        reads=False,
        note="as many as txtai reads; its recall is that of the four",
    ),
    System(
        "spanqa-fp32",
        "SpanQA fp32",
        "run_spanqa.py",
        None,
        {"precision": "fp32"},
        asks=False,
        note="the same reader without quantisation",
    ),
    System(
        "haystack",
        "Haystack 2.31",
        "run_haystack.py",
        "haystack.txt",
        {"encode_batch": 32, "read_batch": 8},
        note="InMemoryDocumentStore saved to disk, BM25 (its default BM25L) and embedding "
        "retrievers of 100 hits each, DocumentJoiner by reciprocal rank, ExtractiveReader with "
        "one candidate a passage",
    ),
    System(
        "txtai",
        "txtai 9.14",
        "run_txtai.py",
        "txtai.txt",
        {"encode_batch": 32, "quantize": False},
        note="Embeddings(hybrid=True, content=True), RAG with an extractive model: it joins the "
        "20 passages and reads the 512 word pieces that fit, about four passages: so it is quick, "
        "and its answers are worse",
    ),
    System(
        "plain",
        "bm25s + numpy + naive reader",
        "run_plain.py",
        "plain.txt",
        {"encode_batch": 32, "read_batch": 8},
        note="an afternoon's work: bm25s, one matrix product, reciprocal rank fusion, "
        "transformers' model in batches of like length, best raw score wins",
    ),
    System(
        "pyserini",
        "Pyserini 0.22 + naive reader",
        "run_pyserini.py",
        "pyserini.txt",
        {"encode_batch": 32, "read_batch": 8},
        reads=False,
        program="java",
        note="Lucene's BM25 and a flat FAISS index by its own commands, HybridSearcher; it has "
        "no reader, so it gets the naive one",
    ),
    System(
        "transformers",
        "Transformers 4.57 pipeline",
        "run_transformers.py",
        "transformers.txt",
        {"read_batch": 1},
        asks=False,
        note="pipeline('question-answering'), answers of at most 30 words",
    ),
    System(
        "onnxruntime",
        "ONNX Runtime fp32 loop",
        "run_onnxruntime.py",
        "onnxruntime.txt",
        {"read_batch": 8},
        asks=False,
        note="optimum's export, the naive reader's loop, batches of like length; "
        "SpanQA's int8 gains little over it where a processor has no 8-bit dot product",
    ),
)


def chosen(names: list[str] | None) -> list[System]:
    """Return the systems of these names (all without any), ours always first."""
    known = {system.name: system for system in SYSTEMS}
    if unknown := sorted(set(names or ()) - set(known)):
        raise SystemExit(f"no such system: {', '.join(unknown)}; there are {', '.join(known)}")
    return [s for s in SYSTEMS if names is None or s.name in names or s.name == OURS]
