"""Records of every sort, hostile ones too, for tests of the report."""

from __future__ import annotations

from indexing.documents import Passage
from pipelines.answers import Answer, AskResult, Citation
from pipelines.questions import Question
from retriever.hits import Hit

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'
HEBREW = "יצחק רבין נולד בירושלים בשנת 1922."
TEXTS = [
    "🤔 Bob Dylan sang it in 1965, says Dylan.",
    f"Nobody {HOSTILE} & <b>Bob Dylan</b>",
    HEBREW,
    "Nothing at all.",
]
PASSAGES = [
    Passage(i, f"d{i}", f"Title {i} {HOSTILE if i == 1 else ''}", text, 100, 100 + len(text))
    for i, text in enumerate(TEXTS)
]


class Scripted:
    """Answers each question with the given text, cited where it stands first."""

    def __init__(self, predictions):
        self._predictions = predictions

    def ask_batch(self, questions, *, answers, top_k, min_probability):
        return [self._ask(question, top_k) for question in questions]

    def ask_depths(self, questions, depths, *, answers, min_probability):
        return [{k: self._ask(question, k) for k in depths} for question in questions]

    def _ask(self, question, top_k):
        text, probability = self._predictions[question]
        hits = tuple(Hit(passage, 1 / (1 + passage.id)) for passage in PASSAGES[:top_k])
        where = next((hit.passage for hit in hits if text and text in hit.passage.text), None)
        found = ()
        if where is not None:
            start = where.start + where.text.index(text)
            citation = Citation(
                where.document_id, where.title, "", start, start + len(text), where.id, where.text,
                where.start, -1.0,
            )  # fmt: skip
            found = (Answer(text, probability, (citation,)),)
        return AskResult(question, found, hits, {"retrieve": 2.0, "read": 30.0, "total": 32.0})


CASES = [
    ("who sang it", ("Bob Dylan",), ("Bob Dylan", 0.9)),
    ("when was it sung", ("1965",), ("1965", 0.8)),
    (f"what is {HOSTILE}", (HOSTILE,), ("Nobody", 0.3)),
    ("מתי נולד יצחק רבין", ("1922",), ("בירושלים", 0.4)),
    ("where is it", ("Atlantis",), ("Nothing", 0.2)),
    ("who was nobody", ("Bob Dylan",), ("Nothing", 0.1)),
    ("how many are there", ("7",), ("", 0.0)),
]


def questions(times=1):
    return [
        Question(f"{n}-{i}", f"{text} {n}" if n else text, answers)
        for n in range(times)
        for i, (text, answers, _) in enumerate(CASES)
    ]


def scripted(times=1):
    return Scripted(
        {
            f"{text} {n}" if n else text: prediction
            for n in range(times)
            for text, _, prediction in CASES
        }
    )
