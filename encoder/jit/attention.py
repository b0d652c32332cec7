"""Multi-head attention of one row, whole: scores, softmax and values of twelve queries at a time.

Numbers are bf16, two of them multiplied and added up in a lane, or fp32, one in a lane.
"""

from __future__ import annotations

from llvmlite import ir

from encoder.jit.emitter import F32, I32, I64, POINTER, VF32, VI32, Emitter, Value, many
from encoder.jit.layout import LANES, ROWS, STRIDE, VECTORS, WIDTH

HIDDEN = -1e30  # the score of what is no piece


class _Brain(ir.types.Type):
    """The 16-bit numbers that llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Brain)

    def __hash__(self) -> int:
        return hash(_Brain)


class _Numbers:
    """How one row's queries, keys, values and weights are kept: `pair` of them in a lane."""

    def __init__(self, e: Emitter, half: bool) -> None:
        self.e, self.pair, self.size = e, (2 if half else 1), (2 if half else 4)

    def narrow(self, value: Value) -> Value:
        """Return a vector of 16 in the kept form."""
        if self.pair == 1:
            return value
        name = "llvm.x86.avx512bf16.cvtneps2bf16.512"
        return self.e.call(name, ir.VectorType(_Brain(), LANES), value)

    def lanes(self, value: Value) -> Value:
        """Return narrowed numbers as 32-bit lanes: 16, or 8 of two each."""
        return self.e.builder.bitcast(value, ir.VectorType(I32, LANES // self.pair))

    def joined(self, one: Value, other: Value) -> Value:
        """Return lanes that hold a number of each of two narrowed vectors."""
        order = [n for lane in range(LANES) for n in (lane, lane + LANES)]
        mask = ir.Constant(ir.VectorType(I32, 2 * LANES), order)
        return self.e.builder.shuffle_vector(one, other, mask)

    def dot(self, total: Value, left: Value, right: Value) -> Value:
        """Return the total plus the products of two vectors of 32-bit lanes."""
        builder = self.e.builder
        if self.pair == 1:
            left, right = builder.bitcast(left, VF32), builder.bitcast(right, VF32)
            return self.e.add(total, self.e.multiply(left, right))
        kind = ir.VectorType(_Brain(), 2 * LANES)
        left, right = builder.bitcast(left, kind), builder.bitcast(right, kind)
        return self.e.call("llvm.x86.avx512bf16.dpbf16ps.512", VF32, total, left, right)


def emit_attention(module: ir.Module, name: str, heads: int, width: int, *, half: bool) -> None:
    """Write `name(joined, out, queries, keys, values, scores, weights, length)`.

    `joined` is float32 (rows, 3 * heads * width), queries already multiplied by what makes
    softmax a power of two, `out` float32 (rows, heads * width). The rest is room to work in, for
    one head: float32 (rows, width) each, but for scores and weights (12, STRIDE) with 12 more. All
    hold some rows more than the length, whose numbers may be any.
    """
    e = Emitter(module, name, [POINTER] * 7 + [I64])
    builder, numbers = e.builder, _Numbers(e, half)
    joined, out, queries, keys, values, scores, weights, length = e.function.args
    tiles = builder.udiv(builder.add(length, I64(WIDTH - 1)), I64(WIDTH))
    blocks = builder.udiv(builder.add(length, I64(ROWS - 1)), I64(ROWS))
    with e.loop(heads) as head:
        column = builder.mul(head, I64(width))
        source = e.at(joined, column, F32)
        _pack(e, numbers, source, (queries, keys, values), heads, width, tiles)
        with e.loop(blocks) as block:
            row = builder.mul(block, I64(ROWS))
            asked = e.at(queries, builder.mul(row, I64(width * numbers.size)))
            _score(e, numbers, asked, keys, scores, width, tiles, length)
            _weigh(e, numbers, scores, weights, length)
            place = builder.add(builder.mul(row, I64(heads * width)), column)
            target = e.at(out, place, F32)
            _mix(e, numbers, weights, values, scores, target, heads, width, length)
    e.end()


def _pack(
    e: Emitter,
    numbers: _Numbers,
    source: Value,
    targets: tuple[Value, Value, Value],
    heads: int,
    width: int,
    tiles: Value,
) -> None:
    """Narrow one head's queries (rows, width), keys (tiles, width, 32) and values (rows, width).

    Keys stand side by side, pairs of their numbers in a lane; of values, pairs of rows do.
    """
    builder, hidden = e.builder, heads * width
    queries, keys, values = targets
    count = LANES // numbers.pair
    with e.loop(builder.mul(tiles, I64(WIDTH))) as row:
        line = builder.mul(row, I64(3 * hidden))
        tile = builder.mul(builder.udiv(row, I64(WIDTH)), I64(width // numbers.pair * WIDTH))
        key = e.at(keys, tile, I32)
        key = e.at(key, builder.urem(row, I64(WIDTH)), I32)
        for first in range(0, width, LANES):
            here = e.at(source, builder.add(line, I64(first)), F32)
            place = builder.add(builder.mul(row, I64(width)), I64(first))
            target = e.at(queries, builder.mul(place, I64(numbers.size)))
            e.store(numbers.narrow(e.load(here, VF32)), target)
            lanes = numbers.lanes(numbers.narrow(e.load(e.at(here, hidden, F32), VF32)))
            for lane in range(count):
                value = builder.extract_element(lanes, I32(lane))
                e.store(value, e.at(key, (first // numbers.pair + lane) * WIDTH, I32))
    with e.loop(builder.mul(tiles, I64(WIDTH)), step=numbers.pair) as row:
        line = builder.add(builder.mul(row, I64(3 * hidden)), I64(2 * hidden))
        for first in range(0, width, LANES):
            here = e.at(source, builder.add(line, I64(first)), F32)
            value = numbers.narrow(e.load(here, VF32))
            if numbers.pair == 2:
                following = numbers.narrow(e.load(e.at(here, 3 * hidden, F32), VF32))
                value = numbers.joined(value, following)
            place = builder.mul(builder.udiv(row, I64(numbers.pair)), I64(width))
            e.store(value, e.at(values, builder.add(place, I64(first)), I32))


def _score(
    e: Emitter,
    numbers: _Numbers,
    asked: Value,
    keys: Value,
    scores: Value,
    width: int,
    tiles: Value,
    length: Value,
) -> None:
    """Write the scores of twelve queries and all keys; what is no piece gets a hidden one."""
    builder, pairs = e.builder, width // numbers.pair
    totals = [[e.variable(VF32) for _ in range(VECTORS)] for _ in range(ROWS)]
    lanes = ir.Constant(VI32, list(range(LANES)))
    end = e.splat(builder.trunc(length, I32))
    with e.loop(tiles) as tile:
        for line in totals:
            for total in line:
                e.set(many(0), total)
        packed = e.at(keys, builder.mul(tile, I64(pairs * WIDTH)), I32)
        with e.loop(pairs) as pair:
            here = e.at(packed, builder.mul(pair, I64(WIDTH)), I32)
            right = [e.load(e.at(here, v * LANES, I32), VI32) for v in range(VECTORS)]
            for r in range(ROWS):
                place = builder.add(pair, I64(r * pairs))
                left = e.splat(e.load(e.at(asked, place, I32), I32))
                for v in range(VECTORS):
                    e.set(numbers.dot(e.get(totals[r][v], VF32), left, right[v]), totals[r][v])
        key = builder.mul(tile, I64(WIDTH))
        for v in range(VECTORS):
            first = builder.add(key, I64(v * LANES))
            numbered = builder.add(e.splat(builder.trunc(first, I32)), lanes)
            inside = builder.icmp_signed("<", numbered, end)
            for r in range(ROWS):
                score = builder.select(inside, e.get(totals[r][v], VF32), many(HIDDEN))
                e.store(score, e.at(scores, builder.add(first, I64(r * STRIDE)), F32))


def _weigh(e: Emitter, numbers: _Numbers, scores: Value, weights: Value, length: Value) -> None:
    """Write powers of two of the scores above their peak; after the scores, 1 over their sum."""
    builder = e.builder
    highest, total = e.variable(VF32), e.variable(VF32)
    with e.loop(ROWS) as row:
        line = builder.mul(row, I64(STRIDE))
        source = e.at(scores, line, F32)
        target = e.at(weights, builder.mul(line, I64(numbers.size)))
        e.set(many(HIDDEN), highest)
        with e.loop(length, step=LANES) as key:
            score = e.load(e.at(source, key, F32), VF32)
            e.set(e.largest(e.get(highest, VF32), score), highest)
        peak = e.splat(e.peak(e.get(highest, VF32)))
        e.set(many(0), total)
        with e.loop(length, step=LANES) as key:
            score = e.load(e.at(source, key, F32), VF32)
            weight = e.power_of_two(e.subtract(score, peak))
            e.set(e.add(e.get(total, VF32), weight), total)
            e.store(numbers.narrow(weight), e.at(target, builder.mul(key, I64(numbers.size))))
        inverse = builder.fdiv(F32(1), e.total(e.get(total, VF32)))
        e.store(inverse, e.at(scores, builder.add(row, I64(ROWS * STRIDE)), F32))


def _mix(
    e: Emitter,
    numbers: _Numbers,
    weights: Value,
    values: Value,
    scores: Value,
    target: Value,
    heads: int,
    width: int,
    length: Value,
) -> None:
    """Write the values of all pieces, mixed by the weights of twelve queries."""
    builder, hidden = e.builder, heads * width
    totals = [[e.variable(VF32) for _ in range(VECTORS)] for _ in range(ROWS)]
    pairs = builder.udiv(builder.add(length, I64(numbers.pair - 1)), I64(numbers.pair))
    for first in range(0, width, WIDTH):
        for line in totals:
            for total in line:
                e.set(many(0), total)
        with e.loop(pairs) as pair:
            here = e.at(values, builder.add(builder.mul(pair, I64(width)), I64(first)), I32)
            right = [e.load(e.at(here, v * LANES, I32), VI32) for v in range(VECTORS)]
            for r in range(ROWS):
                place = builder.add(pair, I64(r * STRIDE // numbers.pair))
                left = e.splat(e.load(e.at(weights, place, I32), I32))
                for v in range(VECTORS):
                    e.set(numbers.dot(e.get(totals[r][v], VF32), left, right[v]), totals[r][v])
        for r in range(ROWS):
            inverse = e.splat(e.load(e.at(scores, ROWS * STRIDE + r, F32), F32))
            for v in range(VECTORS):
                place = r * hidden + first + v * LANES
                value = e.multiply(e.get(totals[r][v], VF32), inverse)
                e.store(value, e.at(target, place, F32))
