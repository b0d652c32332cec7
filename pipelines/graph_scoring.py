"""How answers of graph questions are compared: as sets of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reader.normalising import normalise_answer


def readable(name: str) -> str:
    """Return a name in the form in which names are compared.

    As in SQuAD's scores, but underscores stand for spaces, as they do in the names of graphs.
    """
    return normalise_answer(name.replace("_", " "))


def first_hit(predictions: Iterable[str], answers: Sequence[str]) -> int:
    """Return the 1-based rank of the first prediction that is an answer, or 0 for none.

    Predictions that are equal after normalising count as one.
    """
    wanted = {readable(answer) for answer in answers} - {""}
    seen: dict[str, None] = {}
    for prediction in predictions:
        name = readable(prediction)
        if name in wanted:
            return len(seen) + 1
        seen[name] = None
    return 0
