"""What is done to one row after the other: layer norms, and rounding to bytes."""

from __future__ import annotations

from llvmlite import ir

from encoder.jit.emitter import F32, I64, POINTER, VF32, VI8, VI32, Emitter, Value, many
from encoder.jit.layout import GELU_DEPTH, GELU_ZERO, LANES, MIDDLE


def emit_norm(module: ir.Module, name: str, width: int, epsilon: float) -> None:
    """Write `name(sums, weight, bias, balance, states, bytes, scales, rows)`.

    Layer normalisation (Ba et al. 2016, eq. 4) of float32 (rows, width), to `states`; and the same
    times `balance`, rounded to bytes, with what a step of each row stands for.
    """
    e = Emitter(module, name, [POINTER] * 7 + [I64])
    sums, weight, bias, balance, states, rounded, scales, rows = e.function.args
    first, second = e.variable(VF32), e.variable(VF32)
    with e.loop(rows) as row:
        start = e.builder.mul(row, I64(width))
        source, target = e.at(sums, start, F32), e.at(states, start, F32)
        for place in (first, second):
            e.set(many(0), place)
        with e.loop(width, step=LANES) as column:
            value = e.load(e.at(source, column, F32), VF32)
            e.set(e.add(e.get(first, VF32), value), first)
        mean = e.splat(e.multiply(e.total(e.get(first, VF32)), F32(1 / width)))
        with e.loop(width, step=LANES) as column:
            value = e.subtract(e.load(e.at(source, column, F32), VF32), mean)
            e.set(e.add(e.get(second, VF32), e.multiply(value, value)), second)
        spread = e.add(e.multiply(e.total(e.get(second, VF32)), F32(1 / width)), F32(epsilon))
        factor = e.splat(e.builder.fdiv(F32(1), e.call("llvm.sqrt.f32", F32, spread)))
        e.set(many(0), first)
        with e.loop(width, step=LANES) as column:
            value = e.subtract(e.load(e.at(source, column, F32), VF32), mean)
            scale = e.multiply(factor, e.load(e.at(weight, column, F32), VF32))
            value = e.add(e.multiply(value, scale), e.load(e.at(bias, column, F32), VF32))
            e.store(value, e.at(target, column, F32))
            value = e.multiply(value, e.load(e.at(balance, column, F32), VF32))
            e.store(value, e.at(source, column, F32))
            e.set(e.largest(e.get(first, VF32), e.size(value)), first)
        _round(e, source, e.at(rounded, start), e.at(scales, row, F32), first, width, MIDDLE)
    e.end()


def emit_rounding(
    module: ir.Module, name: str, width: int, far: int = 0, *, gelu: bool = False
) -> None:
    """Write `name(states, bytes, scales, rows)`: float32 (rows, width) rounded to bytes.

    The last `far` channels do not count in a row's scale, and their bytes mean nothing.
    """
    e = Emitter(module, name, [POINTER] * 3 + [I64])
    states, rounded, scales, rows = e.function.args
    peak = e.variable(VF32)
    with e.loop(rows) as row:
        start = e.builder.mul(row, I64(width))
        source = e.at(states, start, F32)
        e.set(many(0), peak)
        with e.loop(width - far, step=LANES) as column:
            value = e.load(e.at(source, column, F32), VF32)
            e.set(e.largest(e.get(peak, VF32), value if gelu else e.size(value)), peak)
        zero = GELU_ZERO if gelu else MIDDLE
        _round(e, source, e.at(rounded, start), e.at(scales, row, F32), peak, width, zero)
    e.end()


def _round(
    e: Emitter, source: Value, target: Value, scale: Value, peak: Value, width: int, zero: int
) -> None:
    """Write a row's bytes, and its scale: its peak takes the highest byte."""
    step = e.multiply(e.peak(e.get(peak, VF32)), F32(1 / (255 - zero)))
    least = F32(GELU_DEPTH / GELU_ZERO) if zero == GELU_ZERO else F32(1e-9)
    step = e.builder.select(e.builder.fcmp_ordered(">", step, least), step, least)
    e.store(step, scale)
    factor = e.splat(e.builder.fdiv(F32(1), step))
    middle = ir.Constant(VI32, [zero] * LANES)
    with e.loop(width, step=LANES) as column:
        value = e.multiply(e.load(e.at(source, column, F32), VF32), factor)
        whole = e.builder.add(e.builder.fptosi(e.nearest(value), VI32), middle)
        e.store(e.builder.trunc(whole, VI8), e.at(target, column))
