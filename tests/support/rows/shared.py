"""Matrices, scores and bad numbers that rows share."""

from math import inf, log, nan

U = [[0.0, 1, 4, 5], [1, 0, 3, 8], [4, 3, 0, 2], [5, 8, 2, 0]]
A = [[0.0, 1, 4, 5], [1, 0, 3, 8], [4, 3, 0, 2], [5, 1, 2, 0]]
ZERO_ONE = [[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]
HALVES = [log(1 / 2), log(1 / 4), log(1 / 8), log(1 / 8)]
EVEN = [0.0, 0.0, 0.0, 0.0]
ALL = ("labels", "probs", "each", "vector", "actions")
NO_NUMBER = (nan, inf)
