"""Train the small network of `bot.analysis.net` in PyTorch, on soft labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bot.analysis.build.bert import F, nn, torch
from bot.analysis.build.teach import Say, mood_loss
from bot.analysis.features import parts
from bot.analysis.net import BITS, FORMS, Net, words
from bot.analysis.table import Floats

WIDTH: Final = 64
LAYERS: Final = 2
BATCH: Final = 192


class Student(nn.Module):  # type: ignore[misc]
    """The same sums as `Net.score`, with dropout, for padded batches."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.Embedding(1 << BITS, WIDTH)
        nn.init.normal_(self.cells.weight, std=0.1)
        self.norm = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(LAYERS))
        self.layer = nn.ModuleList(nn.Linear(3 * WIDTH, 2 * WIDTH) for _ in range(LAYERS))
        self.out = nn.Linear(2 * WIDTH, 3)

    def forward(self, cells: Any, known: Any) -> Any:
        """`cells`: (texts, words, FORMS); `known`: (texts, words), 1 for a word; out: (texts, 3)."""
        there = known[..., None]
        x = self.cells(cells).sum(2)
        if self.training:
            x = x * (torch.rand(known.shape) > 0.12).float()[..., None]  # whole words left out
        x = F.dropout(x, 0.3, self.training) * there
        for norm, layer in zip(self.norm, self.layer, strict=True):
            y = norm(x) * there
            edge = torch.zeros_like(y[:, :1])
            wide = torch.cat([torch.cat([edge, y[:, :-1]], 1), y, torch.cat([y[:, 1:], edge], 1)], 2)
            both = layer(wide)
            strong = torch.maximum(both[..., :WIDTH], both[..., WIDTH:])
            x = (x + F.dropout(strong, 0.2, self.training)) * there
        mean = x.sum(1) / known.sum(1, keepdim=True).clamp(min=1)
        most = (x - 1e4 * (1 - there)).max(1).values
        return self.out(F.dropout(torch.cat([mean, most], 1), 0.3, self.training))

    def packed(self) -> Net:
        """The same in numpy, embeddings as bytes."""
        cells = self.cells.weight.detach().numpy()
        scale = float(np.quantile(np.abs(cells), 0.9999) / 127)
        held = {"out.w": self.out.weight.T, "out.b": self.out.bias}
        for i in range(LAYERS):
            held |= {f"norm{i}.w": self.norm[i].weight, f"norm{i}.b": self.norm[i].bias}
            held |= {f"layer{i}.w": self.layer[i].weight.T, f"layer{i}.b": self.layer[i].bias}
        weights = {name: w.detach().numpy().astype(np.float32).copy() for name, w in held.items()}
        return Net(np.clip(np.rint(cells / scale), -127, 127).astype(np.int8), scale, weights, LAYERS)


def train_net(texts: Sequence[str], wanted: Floats, weights: Floats, epochs: int, seed: int, say: Say) -> Net:
    """A network for moods from probabilities `wanted`, (texts, 3); Adam, down in a line."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    student, (cells, rows) = Student(), words(parts(texts))
    bounds = np.searchsorted(rows, np.arange(len(texts) + 1))
    optimizer = torch.optim.Adam(student.parameters(), 3e-3, betas=(0.9, 0.99), fused=True)
    goal, weight = torch.from_numpy(wanted), torch.from_numpy(weights)
    steps, step = epochs * -(-len(texts) // BATCH), 0
    for epoch in range(epochs):
        for batch in _batches(np.diff(bounds), random):
            optimizer.param_groups[0]["lr"] = 3e-3 * min(1.0, step / 200) * max(0.02, 1 - step / steps)
            loss = mood_loss(student(*_padded(cells, bounds, batch)), goal[batch], weight[batch])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            step += 1
        say(f"network, epoch {epoch + 1} of {epochs}: loss {loss.item():.3f}")
    return student.packed()


def _batches(sizes: Any, random: np.random.Generator) -> list[Any]:
    order, pool = random.permutation(len(sizes)), 20 * BATCH
    found = []
    for at in range(0, len(order), pool):
        rows = order[at : at + pool]
        rows = rows[np.argsort(sizes[rows], kind="stable")]
        found += [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    return [found[i] for i in random.permutation(len(found))]


def _padded(cells: Any, bounds: Any, rows: Any) -> tuple[Any, Any]:
    sizes = bounds[rows + 1] - bounds[rows]
    longest = max(1, int(sizes.max()))
    padded, known = (
        np.zeros((len(rows), longest, FORMS), np.int64),
        np.zeros((len(rows), longest), np.float32),
    )
    for i, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        padded[i, :size] = cells[bounds[row] : bounds[row + 1]]
        known[i, :size] = 1
    return torch.from_numpy(padded), torch.from_numpy(known)
