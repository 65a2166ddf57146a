"""``workbench weights fetch``: pretrained weights brought to where machines without a network find them."""

from pathlib import Path
from typing import Annotated

import typer

weights = typer.Typer(help="Pretrained weights.", no_args_is_help=True, rich_markup_mode=None)


@weights.callback()
def about() -> None:
    """Pretrained weights."""  # a callback keeps `fetch` a word of its own


@weights.command()
def fetch(
    architectures: Annotated[list[str], typer.Argument(metavar="ARCHITECTURE...", help="Names of the zoo.")],
    to: Annotated[Path | None, typer.Option("--to", help="Folder for NAME.safetensors besides the cache.")] = None,
) -> None:
    """Download ImageNet weights into the libraries' own caches, so that `weights=imagenet` needs no network."""
    from workbench.models.architectures import ARCHITECTURES
    from workbench.models.weights import write_weights
    from workbench.models.zoo import imagenet_weights

    for name in architectures:
        ARCHITECTURES.get(name)  # a misspelled one is refused before the first download
    for name in architectures:
        state = imagenet_weights(name)
        size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
        print(f"{name}: {size / 1e6:.1f} MB in the cache")
        if to:
            path = to / f"{name}.safetensors"
            write_weights(state, path)
            print(f"{path}: give it as weights")
