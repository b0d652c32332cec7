"""From token logits to the best spans of a question's passages, all passages at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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
    begins = np.where(may_start, start, np.float32(-np.inf))
    ends = np.where(may_end, end, np.float32(-np.inf))
    first, last = _without_overlaps(_band(begins, ends, blocks, min(max_tokens, count)), keep)
    return TokenSpans(first, last, start[first], end[last])


def _band(begins: Floats, ends: Floats, blocks: Integers, width: int) -> Floats:
    """Return the scores of spans from a token on, 1 to `width` tokens long, (tokens, width)."""
    ends = np.concatenate([ends, np.full(width - 1, -np.inf, dtype=np.float32)])
    owners = np.concatenate([blocks, np.full(width - 1, -1, dtype=np.int64)])
    scores: Floats = begins[:, None] + sliding_window_view(ends, width)
    scores[sliding_window_view(owners, width) != blocks[:, None]] = -np.inf
    return scores


def _without_overlaps(scores: Floats, keep: int) -> tuple[Integers, Integers]:
    """Take the best span, strike all that overlap it, and so on; `scores` are used up."""
    width = scores.shape[1]
    tops = scores.max(axis=1)
    # Of the rows before a token: the spans that reach it.
    reaching = np.arange(width) >= np.arange(width - 1, 0, -1)[:, None]
    first: list[int] = []
    last: list[int] = []
    for _ in range(keep):
        begin = int(tops.argmax())
        if tops[begin] == -np.inf:
            break
        stop = begin + int(scores[begin].argmax())
        first.append(begin)
        last.append(stop)
        tops[begin : stop + 1] = -np.inf
        low = max(0, begin - width + 1)
        if low < begin:
            before, struck = scores[low:begin], reaching[low - begin :]
            before[struck] = -np.inf
            # Rows of spans taken already stay struck.
            tops[low:begin] = np.where(tops[low:begin] > -np.inf, before.max(axis=1), -np.inf)
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
