"""Machine code for BERT in int8, made when a model is opened, for processors with AVX-512 VNNI.

A general runtime writes every intermediate value down, quantises in passes of their own and runs
attention in fp32. Here a product's tile is scaled, biased, added to the residual and put through
GELU before it leaves the registers; a layer norm writes the next product's bytes; and attention
runs in bf16 where that is fast. `benchmarks/encoder_speed.py` measures what that brings.
"""
