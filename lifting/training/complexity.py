"""What a network costs: parameters, operations and memory, counted on `device="meta"`, where nothing is computed.

    python -m lifting.training.complexity     # writes docs/network.md

An operation is one multiplication or one addition, so a multiply-add is two. Counted are those of convolutions and
matrix products, which is where nearly all are; the search over rotations is a matrix product too. Memory is what
autograd keeps between the forward and the backward pass, each tensor's storage once, in float32.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from lifting.network import CONFIGURATIONS, Network, build_network
from lifting.support.files import write_atomically


class Cost(NamedTuple):
    """Of one image."""

    parameters: int
    operations: int
    """Forward."""
    training_operations: int
    """Forward and backward."""
    kept: int
    """Bytes between forward and backward."""


def cost(network: Network) -> Cost:
    """What one image of the size that a network is meant for costs."""
    network = network.to("meta")
    side = network.configuration.image
    images = torch.empty(1, 3, side, side, device="meta")
    with FlopCounterMode(display=False) as forward:
        _ = network(images).lifted
    counter = FlopCounterMode(display=False)
    with counter:
        kept = bytes_kept(lambda: sum(stage.fused.sum() for stage in network(images)).backward())
    parameters = sum(p.numel() for p in network.parameters())
    return Cost(parameters, forward.get_total_flops(), counter.get_total_flops(), kept)


def by_part(network: Network) -> dict[str, int]:
    """The operations of the forward pass, one image: of the trunk, the later stages, and the lifting at all stages."""
    network = network.to("meta")
    side = network.configuration.image
    with FlopCounterMode(display=False, depth=3) as counter:
        _ = network(torch.empty(1, 3, side, side, device="meta")).lifted
    counts = {name: sum(count.values()) for name, count in counter.get_flop_counts().items()}
    stages = [counts.get(f"Network.stages.{t}", 0) for t in range(len(network.stages))]
    trunk = counts["Network.trunk"]
    return {"trunk": trunk, "later stages": sum(stages), "lifting": counts["Global"] - trunk - sum(stages)}


def bytes_kept(step: Callable[[], Any]) -> int:
    """Bytes that autograd keeps between forward and backward, each tensor's storage counted once."""
    kept: dict[int, int] = {}

    def count(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        step()
    return sum(kept.values())


def table() -> str:
    """A Markdown table of all configurations, with and without lifting."""
    rows = [
        "| configuration | lifting | image, maps | stages | parameters | forward, GFLOP | forward and backward, GFLOP "
        "| kept for backward, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, c in CONFIGURATIONS.items():
        for lifting in ("subgradient", "none"):
            own = cost(build_network(name, lifting=lifting))  # type: ignore[arg-type]
            rows.append(
                f"| `{name}` | {lifting} | {c.image}, {c.image // c.stride} | {c.stages} | {own.parameters:,} "
                f"| {own.operations / 1e9:.2f} | {own.training_operations / 1e9:.2f} | {own.kept / 1e6:.1f} |"
            )
    return "\n".join(rows)


def parts() -> str:
    """A Markdown table of where the operations of the forward pass are."""
    rows = ["| configuration | " + " | ".join(by_part(build_network("laptop"))) + " |", "|---|---|---|---|"]
    for name in CONFIGURATIONS:
        own = by_part(build_network(name))  # type: ignore[arg-type]
        total = sum(own.values())
        rows.append(f"| `{name}` | " + " | ".join(f"{value / total:.2%}" for value in own.values()) + " |")
    return "\n".join(rows)


def main() -> None:
    """Write docs/network.md."""
    out = Path(__file__).resolve().parent.parent.parent / "docs" / "network.md"
    text = f"""# What the network costs

Counted by `python -m lifting.training.complexity` for one image, without running anything; the module says how.

{table()}

Share of the forward operations:

{parts()}
"""
    write_atomically(out, text.encode())
    print(text)


if __name__ == "__main__":
    main()
