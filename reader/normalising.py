"""The normalisation under which two answers are the same answer."""

from __future__ import annotations

import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """Return the text as the official SQuAD scripts compare it (Rajpurkar et al. 2016).

    Lower-case, without ASCII punctuation, then without the articles a, an, the, then with single
    spaces. The order matters: "U.S." becomes "us". Curly quotes and long dashes stay.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())
