"""A thin layer over LLVM's builder: counted loops, vectors of 16, and the functions of a BERT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir

from encoder.jit.layout import LANES

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
F32 = ir.FloatType()
POINTER = ir.PointerType()
VI8, VI32, VF32 = (ir.VectorType(kind, LANES) for kind in (I8, I32, F32))
# What LLVM may do with floating-point numbers: contract a * b + c. Other orders of sums might
# differ between the rows of a tile: an answer would depend on what it is computed with.
FAST = ("nnan", "ninf", "nsz", "contract")

Value = Any  # an LLVM value
BYTES = {I8: 1, I32: 4, I64: 8, F32: 4}


class Emitter:
    """Writes one function, `name(arguments) -> void`; no two arguments overlap."""

    def __init__(self, module: ir.Module, name: str, arguments: Sequence[Any]) -> None:
        self.module = module
        kind = ir.FunctionType(ir.VoidType(), list(arguments))
        self.function = ir.Function(module, kind, name)
        for argument in self.function.args:
            if argument.type == POINTER:
                argument.add_attribute("noalias")
        self.builder: Any = ir.IRBuilder(self.function.append_basic_block())

    @contextmanager
    def loop(self, count: Value, start: Value = 0, step: int = 1) -> Iterator[Value]:
        """Run what is inside for start, start + step, ... below the count: once at least."""
        builder = self.builder
        before, body = builder.block, builder.append_basic_block()
        builder.branch(body)
        builder.position_at_end(body)
        index = builder.phi(I64)
        index.add_incoming(number(start), before)
        yield index
        following = builder.add(index, I64(step))
        index.add_incoming(following, builder.block)
        end = builder.append_basic_block()
        builder.cbranch(builder.icmp_signed("<", following, number(count)), body, end)
        builder.position_at_end(end)

    def at(self, pointer: Value, offset: Value, kind: Any = I8) -> Value:
        """Return the pointer to so many elements further."""
        return self.builder.gep(pointer, [number(offset)], source_etype=kind)

    def load(self, pointer: Value, kind: Any) -> Value:
        """Load a value; vectors need not be aligned."""
        value = self.builder.load(pointer, typ=kind)
        value.align = 1 if isinstance(kind, ir.VectorType) else BYTES.get(kind, 1)
        return value

    def store(self, value: Value, pointer: Value) -> None:
        """Store a value; vectors need not be aligned."""
        self.builder.store(value, pointer).align = 1

    def variable(self, kind: Any) -> Value:
        """Return a place that LLVM keeps in a register."""
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind)

    def get(self, place: Value, kind: Any) -> Value:
        """Return what a variable holds."""
        return self.builder.load(place, typ=kind)

    def set(self, value: Value, place: Value) -> None:
        """Give a variable a value."""
        self.builder.store(value, place)

    def splat(self, value: Value) -> Value:
        """Return a vector of 16 copies."""
        kind = ir.VectorType(value.type, LANES)
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, value, I32(0))
        lanes = ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, undefined, lanes)

    def call(self, name: str, result: Any, *arguments: Value) -> Value:
        """Call an LLVM intrinsic or a function of this module."""
        function = self.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(result, [argument.type for argument in arguments])
            function = ir.Function(self.module, kind, name)
        return self.builder.call(function, list(arguments))

    def add(self, left: Value, right: Value) -> Value:
        """Return the sum of two floating-point values."""
        return self.builder.fadd(left, right, flags=FAST)

    def subtract(self, left: Value, right: Value) -> Value:
        """Return the difference of two floating-point values."""
        return self.builder.fsub(left, right, flags=FAST)

    def multiply(self, left: Value, right: Value) -> Value:
        """Return the product of two floating-point values."""
        return self.builder.fmul(left, right, flags=FAST)

    def largest(self, left: Value, right: Value) -> Value:
        """Return the larger of two floating-point values, lane by lane."""
        ordered = self.builder.fcmp_ordered(">", left, right, flags=FAST)
        return self.builder.select(ordered, left, right)

    def smallest(self, left: Value, right: Value) -> Value:
        """Return the smaller of two floating-point values, lane by lane."""
        ordered = self.builder.fcmp_ordered("<", left, right, flags=FAST)
        return self.builder.select(ordered, left, right)

    def size(self, value: Value) -> Value:
        """Return the absolute value."""
        return self.call("llvm.fabs.v16f32", VF32, value)

    def total(self, vector: Value) -> Value:
        """Return the sum over the lanes."""
        function = "llvm.vector.reduce.fadd.v16f32"
        call = self.call(function, F32, F32(-0.0), vector)
        call.fastmath.update((*FAST, "reassoc"))
        return call

    def peak(self, vector: Value) -> Value:
        """Return the maximum over the lanes."""
        call = self.call("llvm.vector.reduce.fmax.v16f32", F32, vector)
        call.fastmath.update(FAST)
        return call

    def nearest(self, vector: Value) -> Value:
        """Return the nearest whole numbers, as floating-point ones."""
        return self.call("llvm.nearbyint.v16f32", VF32, vector)

    def polynomial(self, value: Value, coefficients: Sequence[float]) -> Value:
        """Return a polynomial's value; coefficients from the lowest power on."""
        result = many(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            result = self.add(self.multiply(result, value), many(coefficient))
        return result

    def power_of_two(self, value: Value) -> Value:
        """Return 2 ** value for values of at most 0; below -120 what is next to nothing."""
        builder = self.builder
        value = self.largest(value, many(-120.0))
        whole = self.nearest(value)
        part = self.polynomial(self.subtract(value, whole), POWER)
        exponent = builder.shl(builder.fptosi(whole, VI32), ir.Constant(VI32, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(part, VI32), exponent), VF32)

    def gelu(self, value: Value) -> Value:
        """Return GELU with the normal distribution's function itself, to 3e-5 of the value."""
        near = self.largest(self.smallest(value, many(REACH)), many(-REACH))
        share = self.polynomial(self.multiply(near, near), NORMAL)
        return self.multiply(value, self.add(self.multiply(near, share), many(0.5)))

    def end(self) -> None:
        """Close the function."""
        self.builder.ret_void()


def number(value: Value) -> Value:
    """Return a whole number as an LLVM value."""
    return I64(value) if isinstance(value, int) else value


def many(value: float) -> Value:
    """Return a constant vector of 16 copies."""
    return ir.Constant(VF32, [float(np.float32(value))] * LANES)


def _fitted(function: Any, low: float, high: float, degree: int) -> list[float]:
    """Return the coefficients of the polynomial through a function's Chebyshev points."""
    from numpy.polynomial import Chebyshev, Polynomial

    fitted = Chebyshev.interpolate(function, degree, domain=[low, high])
    coefficients: list[float] = fitted.convert(kind=Polynomial).coef.tolist()
    return coefficients


def _normal_share(squares: Any) -> Any:
    """Return (normal(x) - 1/2) / x, a function of x squared."""
    roots = np.sqrt(np.maximum(squares, 1e-12))
    return np.array([math.erf(root / math.sqrt(2)) / 2 / root for root in roots.ravel()])


REACH = 4.1  # what is further is 0 or itself, to 3e-5
POWER = _fitted(np.exp2, -0.5, 0.5, 5)
NORMAL = _fitted(_normal_share, 0.0, REACH**2, 10)
