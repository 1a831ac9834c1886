"""A small convolutional network over hashed words, in numpy: it sees the order of words.

Each word is the sum of four hashed embeddings (the word, its first three and first five letters, its last
three), as in spaCy's MultiHashEmbed (https://spacy.io/api/architectures#MultiHashEmbed); two layers look at
a word and its neighbours; the mean and the maximum over the text give the moods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bot.analysis import features as f

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
LONGEST: Final = 64  # words looked at
FORMS: Final = 4
BITS: Final = 16


def words(said: f.Parts, bits: int = BITS) -> tuple[Ints, Ints]:
    """The table cells of each word's forms, (words, `FORMS`), and which text each word is in, ascending; at
    most `LONGEST` words of a text."""
    starts, ends = said.starts, said.ends
    token_rows = said.rows[starts]
    place = np.arange(len(starts)) - np.searchsorted(token_rows, token_rows)
    keep = place < LONGEST
    starts, ends, token_rows = starts[keep], ends[keep], token_rows[keep]
    forms = [
        (starts, ends),
        (starts, np.minimum(starts + 3, ends)),
        (starts, np.minimum(starts + 5, ends)),
        (np.maximum(ends - 3, starts), ends),
    ]
    mask = np.uint64((1 << bits) - 1)
    cells = [f.mix(f.spans(said.points, a, b), 40 + i) & mask for i, (a, b) in enumerate(forms)]
    return np.stack(cells, axis=1).astype(np.int64).reshape(-1, FORMS), token_rows


@dataclass(frozen=True, slots=True)
class Net:
    """`cells` is (2**bits, width) signed bytes, a true embedding is ``cells * scale``; `weights` are
    the layers by name: ``norm{i}.w``, ``norm{i}.b``, ``layer{i}.w`` (3 * width, 2 * width), ``layer{i}.b``,
    ``out.w``
    (2 * width, outputs), ``out.b``."""

    cells: npt.NDArray[np.int8]
    scale: float
    weights: Mapping[str, Floats]
    layers: int

    def score(self, said: f.Parts) -> Floats:
        """Logits, (texts, outputs)."""
        cells, rows = words(said, int(self.cells.shape[0]).bit_length() - 1)
        out = np.tile(self.weights["out.b"], (len(said.texts), 1))
        if not len(rows):
            return out
        x = sum(self.cells.take(form, axis=0).astype(np.float32) for form in cells.T) * np.float32(self.scale)
        for layer in range(self.layers):
            x = x + self._look(x, rows, layer)
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        counts = np.diff(np.append(first, len(rows)))[:, None].astype(np.float32)
        pooled = np.concatenate([np.add.reduceat(x, first) / counts, np.maximum.reduceat(x, first)], axis=1)
        out[rows[first]] += pooled @ self.weights["out.w"]
        return out

    def _look(self, x: Floats, rows: Ints, layer: int) -> Floats:
        """One layer: normalise, put each word beside its neighbours, keep the stronger of two sums."""
        w, width = self.weights, x.shape[1]
        x = x - x.mean(axis=1, keepdims=True)
        x *= w[f"norm{layer}.w"] / np.sqrt(np.einsum("ij,ij->i", x, x) / width + 1e-5)[:, None]
        x += w[f"norm{layer}.b"]
        wide = np.zeros((len(x), 3 * width), dtype=np.float32)
        wide[1:, :width], wide[:, width : 2 * width], wide[:-1, 2 * width :] = x[:-1], x, x[1:]
        last = np.flatnonzero(rows[1:] != rows[:-1])  # of a text: its neighbour is in another
        wide[last + 1, :width] = 0
        wide[last, 2 * width :] = 0
        both = wide @ w[f"layer{layer}.w"]
        both += w[f"layer{layer}.b"]
        strongest: Floats = np.maximum(both[:, :width], both[:, width:])
        return strongest

    def save(self, path: Path) -> None:
        """Write to `path` (.npz)."""
        layers: dict[str, Any] = dict(self.weights)
        np.savez(path, cells=self.cells, scale=np.float32(self.scale), layers=self.layers, **layers)

    @classmethod
    def load(cls, path: Path) -> Net:
        """Read what `save` wrote.

        Raises:
            OSError, KeyError, ValueError: there is no such file, or it is no network.
        """
        with np.load(path, allow_pickle=False) as held:
            weights = {name: held[name] for name in held.files if name not in ("cells", "scale", "layers")}
            return cls(held["cells"], float(held["scale"]), weights, int(held["layers"]))
