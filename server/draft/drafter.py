"""The DFlash drafter: a few layers that foresee a whole block of tokens in one pass.

After DFlash (arXiv 2602.06036), in the form that vLLM serves: the target's hidden states of
several layers are fused into one vector a position, and that vector becomes a key and a value in
every layer of the drafter. A block holds the last known token, the anchor, and then masks; the
mask that stands m places after the anchor says the token of that place. Embedding and output head
are the target's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from blocks import Blocks
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from agentrt.serving.precision import cpu_dtype

# Where a drafter's sequential head lies in its folder; vLLM reads no subfolder.
HEAD = "sequential/head.safetensors"
# Where and with what it was trained stands in this file beside it.
ABOUT = "about.json"


@dataclass(frozen=True)
class DrafterConfig:
    """The sizes of a drafter; all but the layers, features and block are the target's."""

    layers: int = 3
    block_size: int = 8
    target_layer_ids: tuple[int, ...] = (1, 8, 15, 22, 29)
    mask_token_id: int = 17
    hidden: int = 576
    heads: int = 9
    kv_heads: int = 3
    head_dim: int = 64
    intermediate: int = 1536
    vocabulary: int = 49152
    target_layers: int = 30
    rope_theta: float = 100000.0
    eps: float = 1e-5

    def as_vllm(self) -> dict[str, Any]:
        """The ``config.json`` that vLLM's ``dflash`` method reads."""
        return {
            "architectures": ["DFlashDraftModel"],
            "model_type": "qwen3",
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.intermediate,
            "vocab_size": self.vocabulary,
            "hidden_act": "silu",
            "rms_norm_eps": self.eps,
            "rope_theta": self.rope_theta,
            "max_position_embeddings": 8192,
            "attention_bias": False,
            "tie_word_embeddings": False,
            "torch_dtype": "bfloat16",
            "block_size": self.block_size,
            "num_target_layers": self.target_layers,
            "dflash_config": {
                "mask_token_id": self.mask_token_id,
                "target_layer_ids": list(self.target_layer_ids),
            },
        }

    @classmethod
    def from_vllm(cls, config: dict[str, Any]) -> DrafterConfig:
        """The sizes in a ``config.json``."""
        return cls(
            layers=config["num_hidden_layers"],
            block_size=config["block_size"],
            target_layer_ids=tuple(config["dflash_config"]["target_layer_ids"]),
            mask_token_id=config["dflash_config"]["mask_token_id"],
            hidden=config["hidden_size"],
            heads=config["num_attention_heads"],
            kv_heads=config["num_key_value_heads"],
            head_dim=config["head_dim"],
            intermediate=config["intermediate_size"],
            vocabulary=config["vocab_size"],
            target_layers=config["num_target_layers"],
            rope_theta=config["rope_theta"],
            eps=config["rms_norm_eps"],
        )


class RMSNorm(nn.Module):
    """Root-mean-square norm, computed in float32."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """``x`` over its root mean square along the last axis, times the weight."""
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight.float(), self.eps).to(x.dtype)


class Attention(nn.Module):
    """Queries of a block over the target's positions before it and the block itself."""

    def __init__(self, config: DrafterConfig) -> None:
        super().__init__()
        self.config = config
        wide, narrow = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden, wide, bias=False)
        self.k_proj = nn.Linear(config.hidden, narrow, bias=False)
        self.v_proj = nn.Linear(config.hidden, narrow, bias=False)
        self.o_proj = nn.Linear(wide, config.hidden, bias=False)
        self.q_norm = RMSNorm(config.head_dim, config.eps)
        self.k_norm = RMSNorm(config.head_dim, config.eps)

    def forward(self, x: Tensor, context: Tensor, layout: Layout) -> Tensor:
        """Attend: ``x`` (all queries, hidden), ``context`` (all positions, hidden)."""
        dim, shared = self.config.head_dim, self.config.heads // self.config.kv_heads
        queries = _rotate(self.q_norm(self.q_proj(x).unflatten(-1, (-1, dim))), layout.query_rope)
        keys, values = (
            torch.cat([before[layout.context], own[layout.queries]], 1)
            .transpose(1, 2)
            .repeat_interleave(shared, 1)
            for before, own in zip(
                self._keys_values(context, layout.context_rope),
                self._keys_values(x, layout.query_rope),
                strict=True,
            )
        )
        mixed = F.scaled_dot_product_attention(
            queries[layout.queries].transpose(1, 2), keys, values, attn_mask=layout.allowed
        )
        return self.o_proj(mixed.transpose(1, 2).flatten(0, 1)[layout.kept].flatten(-2))

    def _keys_values(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        dim = self.config.head_dim
        keys = self.k_norm(self.k_proj(x).unflatten(-1, (-1, dim)))
        return _rotate(keys, rope), self.v_proj(x).unflatten(-1, (-1, dim))


class MLP(nn.Module):
    """The gated feed-forward part of a layer."""

    def __init__(self, config: DrafterConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden, config.intermediate, bias=False)
        self.up_proj = nn.Linear(config.hidden, config.intermediate, bias=False)
        self.down_proj = nn.Linear(config.intermediate, config.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """SwiGLU."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One layer of the drafter."""

    def __init__(self, config: DrafterConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(config.hidden, config.eps)
        self.post_attention_layernorm = RMSNorm(config.hidden, config.eps)

    def forward(self, x: Tensor, context: Tensor, layout: Layout) -> Tensor:
        """The residual stream after this layer."""
        x = x + self.self_attn(self.input_layernorm(x), context, layout)
        return x + self.mlp(self.post_attention_layernorm(x))


class Drafter(nn.Module):
    """The whole drafter; its parameters bear the names that vLLM loads."""

    def __init__(self, config: DrafterConfig) -> None:
        super().__init__()
        self.config = config
        self.fc = nn.Linear(len(config.target_layer_ids) * config.hidden, config.hidden, bias=False)
        self.hidden_norm = RMSNorm(config.hidden, config.eps)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden, config.eps)

    def forward(self, blocks: Blocks, features: Tensor, embedding: Tensor, drafts: int) -> Tensor:
        """Draft ``drafts`` tokens after each anchor.

        Args:
            blocks: where the blocks stand.
            features: the target's hidden states of all positions, (positions, fused * hidden).
            embedding: the target's, shape (vocabulary, hidden).
            drafts: masks in a block.

        Returns:
            Normed states for the output head, shape (anchors, drafts, hidden).
        """
        layout = Layout.of(blocks, drafts, self.config)
        context = self.hidden_norm(self.fc(features))
        masks = embedding[self.config.mask_token_id].expand(len(blocks.anchors), drafts, -1)
        anchors = embedding[blocks.tokens[blocks.anchors]]
        x = torch.cat([anchors.unsqueeze(1), masks], 1).flatten(0, 1)
        for layer in self.layers:
            x = layer(x, context, layout)
        return self.norm(x).unflatten(0, (-1, drafts + 1))[:, 1:]

    def save(self, folder: Path) -> None:
        """Write config and bfloat16 weights in the form that vLLM loads."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {
            k: v.detach().to(torch.bfloat16).contiguous() for k, v in self.state_dict().items()
        }
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.config.as_vllm(), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Drafter:
        """A drafter as ``save`` wrote it, in float32."""
        config = json.loads((folder / "config.json").read_text())
        drafter = cls(DrafterConfig.from_vllm(config))
        weights = load_file(folder / "model.safetensors")
        drafter.load_state_dict({name: weight.float() for name, weight in weights.items()})
        return drafter


@dataclass(frozen=True)
class Layout:
    """How packed sequences and the queries of their blocks are laid out for one attention.

    Attributes:
        context: (sequences, longest) which packed position stands there; any where none does.
        queries: (sequences, most queries) likewise, of the packed queries.
        allowed: (sequences, 1, most queries, longest + most queries) what a query may see: the
            positions before its anchor, and all of its own block.
        kept: (queries,) where each packed query lies in the flattened ``queries``.
        query_rope: rotations of the packed queries.
        context_rope: rotations of the packed positions.
    """

    context: Tensor
    queries: Tensor
    allowed: Tensor
    kept: Tensor
    query_rope: tuple[Tensor, Tensor]
    context_rope: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, blocks: Blocks, drafts: int, config: DrafterConfig) -> Layout:
        """Lay out blocks of one anchor and ``drafts`` masks."""
        device, block = blocks.tokens.device, drafts + 1
        longest, most = max(blocks.lengths), max(blocks.counts)
        lengths = torch.tensor(blocks.lengths, device=device)
        counts = torch.tensor(blocks.counts, device=device)
        begins, firsts = lengths.cumsum(0) - lengths, counts.cumsum(0) - counts
        row = torch.arange(longest, device=device)
        column = torch.arange(most, device=device)
        context = (begins[:, None] + row).clamp(max=len(blocks.tokens) - 1)
        owners = (firsts[:, None] + column).clamp(max=len(blocks.anchors) - 1)
        inside = torch.arange(block, device=device)
        queries = (owners[:, :, None] * block + inside).flatten(1)
        # A column past a sequence's last block stands for no query; it sees itself, and is dropped.
        places = blocks.anchors[owners] - begins[:, None]
        before = row < places.repeat_interleave(block, 1)[:, :, None]
        owner = column.repeat_interleave(block)
        own = (owner[:, None] == owner).expand(len(lengths), -1, -1)
        real = (column < counts[:, None]).repeat_interleave(block, 1)
        positions = torch.arange(len(blocks.tokens), device=device)
        positions = positions - begins.repeat_interleave(lengths)
        drafted = (positions[blocks.anchors][:, None] + inside).flatten()
        return cls(
            context,
            queries,
            torch.cat([before, own], 2).unsqueeze(1),
            real.flatten().nonzero()[:, 0],
            _rope(drafted, config),
            _rope(positions, config),
        )


def _rope(places: Tensor, config: DrafterConfig) -> tuple[Tensor, Tensor]:
    steps = torch.arange(0, config.head_dim, 2, device=places.device) / config.head_dim
    angles = places[:, None].float() / config.rope_theta**steps
    angles = torch.cat([angles, angles], -1).unsqueeze(1)
    return angles.cos(), angles.sin()


def _rotate(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary position embedding, halves rotated against one another."""
    cos, sin = (part.to(x.dtype) for part in rope)
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin


def autocast(device: str) -> torch.autocast:
    """Products in bfloat16 where the device computes in it; elsewhere everything in float32."""
    return torch.autocast(device, torch.bfloat16, enabled=best_dtype(device) == "bfloat16")


def best_dtype(device: str) -> str:
    """The number format in which a device multiplies fast."""
    return cpu_dtype() if device == "cpu" else "bfloat16"
