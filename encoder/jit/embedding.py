"""What the first layer norm is given: the sums of word, segment and position embeddings."""

from __future__ import annotations

from llvmlite import ir

from encoder.jit.emitter import BYTES, F32, I32, I64, POINTER, VF32, Emitter, Value
from encoder.jit.layout import LANES

HALF = ir.HalfType()


def emit_embedding(module: ir.Module, name: str, width: int, *, half: bool) -> None:
    """Write `name(words, kinds, places, word, kind, place, sums, rows)`.

    The first three are tables (any, width) in half precision or float32; the next three say in
    int32 (rows,) which row of each to add up into `sums`, float32 (rows, width).
    """
    e = Emitter(module, name, [POINTER] * 7 + [I64])
    *tables, words, kinds, places, sums, rows = e.function.args
    size = 2 if half else BYTES[F32]

    def part(line: Value, column: Value) -> Value:
        here = e.at(line, e.builder.mul(column, I64(size)))
        if not half:
            return e.load(here, VF32)
        return e.builder.fpext(e.load(here, ir.VectorType(HALF, LANES)), VF32)

    with e.loop(rows) as row:
        lines = []
        for table, numbers in zip(tables, (words, kinds, places), strict=True):
            number = e.builder.zext(e.load(e.at(numbers, row, I32), I32), I64)
            lines.append(e.at(table, e.builder.mul(number, I64(width * size))))
        target = e.at(sums, e.builder.mul(row, I64(width)), F32)
        with e.loop(width, step=LANES) as column:
            word, kind, place = (part(line, column) for line in lines)
            e.store(e.add(e.add(word, kind), place), e.at(target, column, F32))
    e.end()
