"""From token logits to the best spans of a question's passages, all passages at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenSpans:
    """Candidate spans: inclusive token positions and their log-probabilities, best first."""

    starts: Integers
    ends: Integers
    start_logprobs: Floats
    end_logprobs: Floats


def log_softmax(logits: Floats) -> Floats:
    """Return logits minus their log-sum-exp, over the whole array."""
    if not len(logits):
        return logits
    lowered: Floats = logits - logits.max()
    total: Floats = lowered - np.log(np.exp(lowered).sum())
    return total


def best_spans(
    start: Floats,
    end: Floats,
    blocks: Integers,
    may_start: NDArray[np.bool_],
    may_end: NDArray[np.bool_],
    max_tokens: int,
    keep: int,
) -> TokenSpans:
    """Return the `keep` best spans of at most `max_tokens` tokens that do not leave a block.

    Spans do not overlap: of two that do, the better stays (greedy, as in
    non-maximum suppression). Equal scores go to the earlier, then to the shorter span. Only the
    band of width `max_tokens` is ever computed.

    Args:
        start: start log-probabilities of all tokens of all passages, (tokens,).
        end: end log-probabilities, (tokens,).
        blocks: the number of each token's block, a passage or a part of one, ascending, (tokens,).
        may_start: whether a span may start at the token: not inside a word.
        may_end: whether a span may end at the token.
        max_tokens: the longest span.
        keep: how many spans to return.
    """
    count = len(start)
    if not count:
        empty = np.zeros(0, dtype=np.int64)
        return TokenSpans(empty, empty, start, end)
    width = min(max_tokens, count)
    ends = np.where(may_end, end, -np.inf).astype(np.float32)
    padded = np.concatenate([ends, np.full(width - 1, -np.inf, dtype=np.float32)])
    owner = np.concatenate([blocks, np.full(width - 1, -1, dtype=np.int64)])
    band = np.lib.stride_tricks.sliding_window_view(padded, width)  # (tokens, width)
    inside = np.lib.stride_tricks.sliding_window_view(owner, width) == blocks[:, None]
    begins = np.where(may_start, start, -np.inf).astype(np.float32)
    scores = np.where(inside, begins[:, None] + band, -np.inf).ravel()
    # Overlapping candidates crowd around the best ones, so look at many more than are kept.
    pool = min(len(scores), keep * width * 4)
    chosen = np.argpartition(-scores, pool - 1)[:pool] if pool < len(scores) else np.arange(pool)
    chosen = chosen[np.isfinite(scores[chosen])]
    order = np.lexsort((chosen, -scores[chosen]))
    first, last = _without_overlaps(chosen[order], width, keep)
    return TokenSpans(first, last, start[first], end[last])


def _without_overlaps(ranked: Integers, width: int, keep: int) -> tuple[Integers, Integers]:
    """Take the best span, drop all that overlap it, and so on."""
    starts, lengths = np.divmod(ranked, width)
    ends = starts + lengths
    first: list[int] = []
    last: list[int] = []
    while len(starts) and len(first) < keep:
        first.append(int(starts[0]))
        last.append(int(ends[0]))
        free = (ends < starts[0]) | (starts > ends[0])
        starts, ends = starts[free], ends[free]
    return np.asarray(first, dtype=np.int64), np.asarray(last, dtype=np.int64)


def merge_windows(windows: list[tuple[int, Floats]], size: int) -> Floats:
    """Join a passage's overlapping windows: each token takes its window of maximum context.

    The context of a token in a window is the smaller of its distances to the window's ends
    (Devlin et al. 2019, run_squad.py); the earlier window wins ties.

    Args:
        windows: for each window its first token and its values, (window tokens, columns).
        size: the passage's tokens.
    """
    if len(windows) == 1:
        return windows[0][1]
    merged = np.zeros((size, windows[0][1].shape[1]), dtype=np.float32)
    best = np.full(size, -1, dtype=np.int64)
    for first, values in windows:
        length = len(values)
        place = np.arange(length)
        context = np.minimum(place, length - 1 - place)
        better = context > best[first : first + length]
        merged[first : first + length][better] = values[better]
        best[first : first + length][better] = context[better]
    return merged
