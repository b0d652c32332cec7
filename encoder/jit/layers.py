"""The encoder's steps in order (see `encoder.bert.encode`), each a function of its own."""

from __future__ import annotations

from llvmlite import ir

from encoder.jit.attention import emit_attention
from encoder.jit.embedding import emit_embedding
from encoder.jit.emitter import F32, I64, POINTER, Emitter, Value
from encoder.jit.layout import ROWS
from encoder.jit.network import (
    NORM,
    NORMS,
    PRODUCT,
    PRODUCTS,
    ROOM,
    ROWS_OF,
    SUMMED,
    WORK,
    Sizes,
)
from encoder.jit.products import Shape, emit_product
from encoder.jit.rows import emit_norm, emit_rounding


def emit_run(module: ir.Module, sizes: Sizes) -> None:
    """Write `run(table, lengths, count)` and all that it calls.

    The table holds the addresses that `network.pointers` names. `word`, `kind` and `place` tell the
    embeddings of so many rows, one after the other without padding; `states` holds their last
    hidden states afterwards.
    """
    hidden, inner = sizes.hidden, sizes.inner
    shapes = {
        "joined": Shape(hidden, 3 * hidden),
        "output": Shape(hidden, hidden, residual=True),
        "up": Shape(hidden, inner, gelu=True),
        "down": Shape(inner, hidden, residual=True, far=sizes.far),
    }
    for name, shape in shapes.items():
        emit_product(module, name, shape)
    emit_embedding(module, "embed", hidden, half=sizes.half_tables)
    emit_norm(module, "norm", hidden, sizes.epsilon)
    emit_rounding(module, "round", hidden)
    emit_rounding(module, "round_inner", inner, sizes.far, gelu=True)
    emit_attention(module, "attend", sizes.heads, sizes.width, half=sizes.half)
    _emit_steps(module, sizes)


def _emit_steps(module: ir.Module, sizes: Sizes) -> None:
    e = Emitter(module, "run", [POINTER, POINTER, I64])
    table, lengths, count = e.function.args
    length = _total(e, lengths, count)
    blocks = e.builder.udiv(e.builder.add(length, I64(ROWS - 1)), I64(ROWS))
    names = (*ROOM, *WORK, *SUMMED, *ROWS_OF)
    at = {name: e.load(e.at(table, index, POINTER), POINTER) for index, name in enumerate(names)}
    first = _parts(e, table, len(names), len(NORM))

    def call(name: str, *arguments: Value) -> None:
        e.builder.call(module.globals[name], list(arguments))

    def norm(parts: list[Value]) -> None:
        call("norm", at["sums"], *parts, at["states"], at["bytes"], at["scales"], length)

    def product(name: str, parts: list[Value], source: str, residual: str, out: str) -> None:
        wide = at["inner"]  # what the far inputs are read from, where a product has some
        call(name, at[source], at["scales"], *parts, wide, at[residual], at[out], blocks)

    call("embed", *(at[name] for name in (*SUMMED, *ROWS_OF)), at["sums"], length)
    norm(first)
    each = len(PRODUCTS) * len(PRODUCT) + len(NORMS) * len(NORM)
    with e.loop(sizes.layers) as layer:
        start = e.builder.add(e.builder.mul(layer, I64(each)), I64(len(names) + len(NORM)))
        parts = _parts(e, table, start, each)
        step = len(PRODUCT)
        joined, output, up, down = (parts[n * step : (n + 1) * step] for n in range(4))
        norms = parts[4 * step :]
        product("joined", joined, "bytes", "mixed", "joined")
        _attend(e, sizes, at, lengths, count)
        call("round", at["mixed"], at["bytes"], at["scales"], length)
        product("output", output, "bytes", "states", "sums")
        norm(norms[: len(NORM)])
        product("up", up, "bytes", "mixed", "inner")
        call("round_inner", at["inner"], at["inner_bytes"], at["scales"], length)
        product("down", down, "inner_bytes", "states", "sums")
        norm(norms[len(NORM) :])
    e.end()


def _total(e: Emitter, lengths: Value, count: Value) -> Value:
    """Return the pieces of all rows."""
    total = e.variable(I64)
    e.set(I64(0), total)
    with e.loop(count) as row:
        e.set(e.builder.add(e.get(total, I64), e.load(e.at(lengths, row, I64), I64)), total)
    return e.get(total, I64)


def _attend(e: Emitter, sizes: Sizes, at: dict[str, Value], lengths: Value, count: Value) -> None:
    """Attend within each row. What a row writes after its end the next one overwrites."""
    start = e.variable(I64)
    e.set(I64(0), start)
    with e.loop(count) as row:
        first, length = e.get(start, I64), e.load(e.at(lengths, row, I64), I64)
        joined = e.at(at["joined"], e.builder.mul(first, I64(3 * sizes.hidden)), F32)
        mixed = e.at(at["mixed"], e.builder.mul(first, I64(sizes.hidden)), F32)
        work = [at[name] for name in WORK]
        e.builder.call(e.module.globals["attend"], [joined, mixed, *work, length])
        e.set(e.builder.add(first, length), start)


def _parts(e: Emitter, table: Value, start: Value, count: int) -> list[Value]:
    """Return so many pointers of the table."""
    first = e.at(table, start, POINTER)
    return [e.load(e.at(first, index, POINTER), POINTER) for index in range(count)]
