"""A linear model over hashed features: one signed byte per feature and output, plus weights for counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.analysis.features import Group, Parts, groups
from bot.analysis.signals import signals

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of a batch of texts: hashed `groups`, the weight of one feature in each text by family
    (``weights[family][row]``: 1/sqrt of how many the text has, so long texts do not shout), and counts."""

    size: int
    groups: tuple[Group, ...]
    weights: dict[str, Floats]
    counts: Floats


def features(said: Parts) -> Features:
    """Everything the tables look at in a batch of texts. Never raises on a text."""
    size, found = len(said.texts), tuple(groups(said))
    totals: dict[str, npt.NDArray[np.int64]] = {}
    for group in found:
        here = np.bincount(group.rows, minlength=size)
        totals[group.family] = totals.get(group.family, 0) + here
    weights = {family: (1 / np.sqrt(np.maximum(n, 1))).astype(np.float32) for family, n in totals.items()}
    return Features(size, found, weights, signals(said))


@dataclass(frozen=True, slots=True)
class Table:
    """`hashed` is (outputs, 2**bits); a true weight is ``hashed * scale``. `counted` is (counts, outputs)."""

    hashed: Bytes
    scale: Floats
    counted: Floats
    bias: Floats

    def score(self, batch: Features) -> Floats:
        """Logits, (batch.size, outputs)."""
        sums = np.zeros((self.hashed.shape[0], batch.size), dtype=np.float32)
        for group in batch.groups:
            self._add(sums, group, batch.weights[group.family])
        return sums.T * self.scale + batch.counts @ self.counted + self.bias

    def _add(self, sums: Floats, group: Group, weights: Floats) -> None:
        if not len(group.rows):
            return
        cells = (group.hashes & np.uint64(self.hashed.shape[1] - 1)).astype(np.int64)
        first = np.flatnonzero(np.diff(group.rows, prepend=-1))
        rows = group.rows[first]
        for output, column in enumerate(self.hashed):
            sums[output, rows] += np.add.reduceat(column.take(cells), first, dtype=np.int32) * weights[rows]

    def save(self, path: Path) -> None:
        """Write to `path` (.npz; the same bytes for the same table)."""
        np.savez(path, hashed=self.hashed, scale=self.scale, counted=self.counted, bias=self.bias)

    @classmethod
    def load(cls, path: Path) -> Table:
        """Read what `save` wrote.

        Raises:
            OSError, KeyError, ValueError: there is no such file, or it is no table.
        """
        with np.load(path, allow_pickle=False) as held:
            return cls(held["hashed"], held["scale"], held["counted"], held["bias"])

    @classmethod
    def pack(cls, hashed: Floats, counted: Floats, bias: Floats) -> Table:
        """A table of bytes from trained weights; the few largest are cut, so that the many
        keep their digits."""
        top = np.maximum([np.quantile(np.abs(c[c != 0]), 0.9999) if c.any() else 1e-6 for c in hashed], 1e-6)
        scale = (top / 127).astype(np.float32)
        packed = np.clip(np.rint(hashed / scale[:, None]), -127, 127).astype(np.int8)
        return cls(packed, scale, counted.astype(np.float32), bias.astype(np.float32))
