"""How the machine code cuts its work up, and how bytes stand for numbers."""

LANES = 16  # 32-bit numbers in a register
# A tile of a product: its 24 vectors of sums, two of weights and one of states fill the 32
# registers (Goto and van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication").
ROWS = 12
VECTORS = 2
WIDTH = LANES * VECTORS
GROUP = 4  # bytes that one instruction multiplies and adds up in a lane

LONGEST = 512  # pieces in a row, and in the rows of a run
STRIDE = LONGEST + LANES  # of a row of scores: a power of two would fall on few lines of the cache

# What stands for 0 among the 256 values of a byte; GELU's values are never below -0.17.
MIDDLE, GELU_ZERO = 128, 16
GELU_DEPTH = 0.17
