"""A stock ONNX Runtime session in fp32, exported by optimum: reading only."""

from __future__ import annotations

from collections.abc import Sequence

import onnxruntime
from job import Group, Job, run
from naive import NaiveReader
from optimum.onnxruntime import ORTModelForQuestionAnswering
from transformers import AutoTokenizer


class OnnxRuntime:
    """See `job.System`; it has nothing to build or to ask."""

    def open_reader(self, job: Job) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job.threads
        model = ORTModelForQuestionAnswering.from_pretrained(
            job.reader, export=True, session_options=options
        )
        tokenizer = AutoTokenizer.from_pretrained(job.reader)
        self.reader = NaiveReader(model, tokenizer, job.settings["read_batch"])

    def read(self, groups: Sequence[Group]) -> list[list[str]]:
        questions = [group.question for group in groups for _ in group.texts]
        texts = [text for group in groups for text in group.texts]
        found = iter(self.reader.read(questions, texts))
        return [[next(found)[1] for _ in group.texts] for group in groups]


if __name__ == "__main__":
    run(OnnxRuntime)
