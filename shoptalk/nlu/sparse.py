"""A small row-compressed sparse matrix, so that serving needs neither scipy nor torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of (column, value) pairs.

    Args:
        indptr: (R + 1,) where each row begins in `columns`.
        columns: (N,) column numbers.
        values: (N,) their values.
        width: number of columns.
    """

    indptr: Ints
    columns: Ints
    values: Floats
    width: int

    @classmethod
    def from_rows(cls, rows: Iterable[dict[int, float]], width: int) -> Sparse:
        """Build from one {column: value} mapping a row."""
        indptr, columns, values = [0], [], []
        for row in rows:
            for column, value in sorted(row.items()):
                columns.append(column)
                values.append(value)
            indptr.append(len(columns))
        return cls(
            np.asarray(indptr, np.int64), np.asarray(columns, np.int64), np.asarray(values, np.float32), width
        )

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.indptr) - 1

    def dense(self) -> Floats:
        """The same as a full matrix, (R, width)."""
        out = np.zeros((self.rows, self.width), np.float32)
        for row in range(self.rows):
            span = slice(self.indptr[row], self.indptr[row + 1])
            np.add.at(out[row], self.columns[span], self.values[span])
        return out

    def dot(self, weights: Floats) -> Floats:
        """Product with a (width, K) matrix: (R, K)."""
        out = np.zeros((self.rows, weights.shape[1]), np.float32)
        for row in range(self.rows):
            span = slice(self.indptr[row], self.indptr[row + 1])
            if span.stop > span.start:
                out[row] = self.values[span] @ weights[self.columns[span]]
        return out

    def row(self, index: int) -> Sparse:
        """One row as a matrix of its own."""
        span = slice(self.indptr[index], self.indptr[index + 1])
        return Sparse(
            np.asarray([0, span.stop - span.start], np.int64),
            self.columns[span],
            self.values[span],
            self.width,
        )


def stack_rows(parts: Sequence[Sparse]) -> Sparse:
    """Put matrices of one width under one another."""
    sizes = np.concatenate([np.diff(p.indptr) for p in parts])
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return Sparse(
        indptr,
        np.concatenate([p.columns for p in parts]),
        np.concatenate([p.values for p in parts]),
        parts[0].width,
    )


def join_columns(parts: Sequence[Sparse]) -> Sparse:
    """Put matrices with equally many rows beside one another."""
    if len(parts) == 1:
        return parts[0]
    offsets = np.cumsum([0, *[p.width for p in parts]])
    columns: list[Ints] = []
    values: list[Floats] = []
    indptr = [0]
    for row in range(parts[0].rows):
        for part, offset in zip(parts, offsets, strict=False):
            span = slice(part.indptr[row], part.indptr[row + 1])
            columns.append(part.columns[span] + offset)
            values.append(part.values[span])
        indptr.append(indptr[-1] + sum(int(p.indptr[row + 1] - p.indptr[row]) for p in parts))
    return Sparse(
        np.asarray(indptr, np.int64), np.concatenate(columns), np.concatenate(values), int(offsets[-1])
    )
