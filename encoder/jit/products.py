"""Products of bytes by int8 weights, tile by tile, with what follows done in registers."""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from encoder.jit.emitter import F32, I8, I32, I64, POINTER, VF32, VI32, Emitter, Value
from encoder.jit.layout import GROUP, LANES, ROWS, VECTORS, WIDTH


@dataclass(frozen=True, slots=True)
class Shape:
    """What a product is: its sizes, and what is done to its sums.

    `far` inputs, the last, are multiplied in fp32 from where they come from (`weights.Packed`).
    """

    inputs: int
    outputs: int
    gelu: bool = False
    residual: bool = False
    far: int = 0


def emit_product(module: ir.Module, name: str, shape: Shape) -> None:
    """Write `name(states, scales, weights, steps, shift, bias, far, wide, residual, out, blocks)`.

    `states` are bytes (rows, inputs) and `scales` what a step of each row stands for; `wide` is
    what the far inputs are taken from, float32 (rows, inputs); `residual` is added, float32 (rows,
    outputs), as `out` is. `blocks` counts the rows in twelves.
    """
    e = Emitter(module, name, [POINTER] * 10 + [I64])
    states, scales, weights, steps, shift, bias, far, wide, residual, out, blocks = e.function.args
    sums = [[e.variable(VI32) for _ in range(VECTORS)] for _ in range(ROWS)]
    results = [[e.variable(VF32) for _ in range(VECTORS)] for _ in range(ROWS)]
    with e.loop(shape.outputs // WIDTH) as tile:
        column = e.builder.mul(tile, I64(WIDTH))
        packed = e.at(weights, e.builder.mul(tile, I64(shape.inputs * WIDTH)))
        columns = [e.builder.add(column, I64(LANES * v)) for v in range(VECTORS)]
        with e.loop(blocks) as block:
            row = e.builder.mul(block, I64(ROWS))
            rows = [e.builder.add(row, I64(r)) for r in range(ROWS)]
            for v in range(VECTORS):
                start = e.load(e.at(shift, columns[v], I32), VI32)
                for r in range(ROWS):
                    e.set(start, sums[r][v])
            _multiply(e, shape, e.at(states, e.builder.mul(row, I64(shape.inputs))), packed, sums)
            for v in range(VECTORS):
                step = e.load(e.at(steps, columns[v], F32), VF32)
                added = e.load(e.at(bias, columns[v], F32), VF32)
                for r in range(ROWS):
                    scale = e.splat(e.load(e.at(scales, rows[r], F32), F32))
                    value = e.builder.sitofp(e.get(sums[r][v], VI32), VF32)
                    value = e.add(e.multiply(value, e.multiply(scale, step)), added)
                    e.set(value, results[r][v])
            if shape.far:
                _multiply_far(e, shape, wide, far, rows, columns, results)
            for r in range(ROWS):
                for v in range(VECTORS):
                    place = e.builder.add(e.builder.mul(rows[r], I64(shape.outputs)), columns[v])
                    value = e.get(results[r][v], VF32)
                    if shape.gelu:
                        value = e.gelu(value)
                    if shape.residual:
                        value = e.add(value, e.load(e.at(residual, place, F32), VF32))
                    e.store(value, e.at(out, place, F32))
    e.end()


def _multiply(
    e: Emitter, shape: Shape, states: Value, packed: Value, sums: list[list[Value]]
) -> None:
    """Add the products of a block of rows and a tile of weights to the sums."""
    quads = ir.VectorType(I8, LANES * GROUP)
    with e.loop(shape.inputs // GROUP) as group:
        here = e.at(packed, e.builder.mul(group, I64(GROUP * WIDTH)))
        right = [e.load(e.at(here, GROUP * LANES * v), quads) for v in range(VECTORS)]
        quad = e.at(states, e.builder.mul(group, I64(GROUP)))
        for r in range(ROWS):
            left = e.splat(e.load(e.at(quad, r * shape.inputs), I32))
            left = e.builder.bitcast(left, quads)
            for v in range(VECTORS):
                name = "llvm.x86.avx512.vpdpbusd.512"
                e.set(e.call(name, VI32, e.get(sums[r][v], VI32), left, right[v]), sums[r][v])


def _multiply_far(
    e: Emitter,
    shape: Shape,
    wide: Value,
    far: Value,
    rows: list[Value],
    columns: list[Value],
    results: list[list[Value]],
) -> None:
    """Add the products of the inputs that stay in floating point."""
    with e.loop(shape.far) as channel:
        place = e.builder.mul(channel, I64(shape.outputs))
        right = [e.load(e.at(far, e.builder.add(place, c), F32), VF32) for c in columns]
        for r in range(ROWS):
            line = e.builder.mul(rows[r], I64(shape.inputs))
            line = e.builder.add(line, I64(shape.inputs - shape.far))
            left = e.splat(e.load(e.at(wide, e.builder.add(line, channel), F32), F32))
            for v in range(VECTORS):
                value = e.add(e.get(results[r][v], VF32), e.multiply(left, right[v]))
                e.set(value, results[r][v])
