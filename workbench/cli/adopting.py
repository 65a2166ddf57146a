"""``workbench adopt``: a network trained elsewhere becomes a run that every command, notebook and dashboard takes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.imaging.recipes import Recipe
    from workbench.models.classifier import Classifier

KIND = "adopt"
MOST_NAMES = 5
"""Tensors of the file that are named one by one as left out."""


def adopt(
    factory: Annotated[
        str, typer.Option("--factory", help="package.module:function of your own code that returns the network.")
    ],
    weights: Annotated[Path, typer.Option("--weights", help="Safetensors, or .pt, .pth, .ckpt with a state dict.")],
    class_names: Annotated[str, typer.Option("--class-names", help="In the order of the outputs: normal,abnormal.")],
    positive: Annotated[str, typer.Option("--positive", help="The abnormal ones; the last by default.")] = "",
    head: Annotated[str, typer.Option("--head", help="softmax or sigmoid; found from the outputs by default.")] = "",
    recipe: Annotated[str, typer.Option("--recipe", help="Preprocessing as in training, a name of RECIPES.")] = "",
    size: Annotated[int, typer.Option("--size", help="Side of the input; 0 takes the recipe's.")] = 0,
    channels: Annotated[int, typer.Option("--channels", help="1 or 3; 0 takes the recipe's.")] = 0,
    fit: Annotated[str, typer.Option("--fit", help="stretch, pad or cover; empty takes the recipe's.")] = "",
    normalisation: Annotated[
        str, typer.Option("--normalisation", help="imagenet, caffe, unit or centred; empty takes the recipe's.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="Of the model, for readers; the factory's by default.")] = "",
    manifest: Annotated[Path | None, typer.Option("--manifest", help="Labelled films to try it on.")] = None,
    root: Annotated[Path | None, typer.Option("--root", help="Folder of the films; data/NAME by default.")] = None,
    split: Annotated[str, typer.Option("--split", help="Films to try it on; all by default.")] = "",
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Folder of the runs; the project's runs/ by default.")
    ] = None,
) -> None:
    """Make a run of a network trained elsewhere; its AUROC on a manifest shows whether the preprocessing is right."""
    from workbench.imaging.named_recipes import named_recipe
    from workbench.models.adopted import adopt as adopted

    changes = {"size": size, "channels": channels, "fit": fit, "normalisation": normalisation}
    prepare = named_recipe(recipe or "default", **{key: value or None for key, value in changes.items()})
    classifier = adopted(
        factory,
        weights,
        class_names=_names(class_names),
        positive=_names(positive) or None,
        head=head or None,
        recipe=prepare,
    )
    _print_found(classifier, prepare)
    shown = {"name": name or classifier.factory, "factory": factory, "weights": str(weights), "split": split}
    films = {"manifest": str(manifest or ""), "root": str(root or "")}
    if manifest:  # first: what fails here leaves no run
        _print_auroc(classifier, manifest, root, split)
    folder = _run_of(classifier, shown | films, runs, inputs={"weights": weights})
    print(f"{folder.name}: done\n{folder}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in text.split(","))))


def _print_found(classifier: "Classifier", recipe: "Recipe") -> None:
    layers, left_out = classifier.layers, classifier.provenance["left_out"]
    print(f"{classifier.architecture}: {classifier.parameter_count:,} parameters, explained at {layers.explained}")
    print(
        f"input {recipe.channels} x {recipe.size} x {recipe.size}, {recipe.fit}, normalised by {recipe.normalisation}"
    )
    if left_out:
        more = f" and {len(left_out) - MOST_NAMES} more" if len(left_out) > MOST_NAMES else ""
        print(f"left out, as no weights of the network: {', '.join(left_out[:MOST_NAMES])}{more}")


def _run_of(classifier: "Classifier", parameters: dict[str, Any], runs: Path | None, *, inputs: Any) -> Path:
    from workbench.models.checkpoints import save_classifier
    from workbench.runs.locations import default_store
    from workbench.runs.store import RunStore

    store = RunStore(runs) if runs else default_store()
    with store.create(KIND, parameters, inputs=inputs) as work:
        save_classifier(classifier, work.folder)
    return work.folder


def _print_auroc(classifier: "Classifier", path: Path, root: Path | None, split: str) -> None:
    from workbench.cli.terminal import Bars
    from workbench.core.manifest import read_manifest
    from workbench.evaluation.evaluate import evaluate
    from workbench.models.classifier import predict

    films = read_manifest(path, root)
    films = films.split(*_names(split)) if split else films
    with Bars() as bars:
        predictions, skipped = predict(classifier, films, progress=bars.open("Classify films"))
    auroc = evaluate(predictions, films).interval("auroc")
    print(f"AUROC on {len(predictions)} films of {films.name}: {auroc} ({len(skipped)} skipped)")
    if auroc.low is None or auroc.low <= 0.5:
        print("no better than guessing: is the recipe the preprocessing of its training, and the order of the classes?")
