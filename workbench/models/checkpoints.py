"""A trained classifier on disk: ``model.safetensors`` with ``model.json``, which names the weights' hash."""

from pathlib import Path

from workbench.core.arrays import Json
from workbench.core.errors import ModelError, OptionError, ReaderError
from workbench.core.files import read_json, sha256_of, write_json
from workbench.core.provenance import plain
from workbench.imaging.recipes import recipe_from_json
from workbench.models.architectures import ARCHITECTURES
from workbench.models.classifier import Classifier
from workbench.models.factories import build_network
from workbench.models.head import Head
from workbench.models.weights import load_weights, read_weights, weights_digest, write_weights

FORMAT = 1


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Write a classifier of the zoo, or an adopted one, into a folder; weights first, so that none are ever missing.

    A wrapped network is refused: nothing would know how to build it again.
    """
    if not classifier.factory and classifier.architecture not in ARCHITECTURES:
        raise ModelError(
            f"{classifier.architecture} is not of the zoo, so it could not be loaded again; "
            "wb.adopt takes a factory that builds it"
        )
    weights = folder / "model.safetensors"
    write_weights(classifier.module, weights)
    about: Json = {
        "format": FORMAT,
        "architecture": classifier.architecture,
        "factory": classifier.factory,
        "head": classifier.head.name,
        "class_names": classifier.class_names,
        "positive": classifier.positive,
        "recipe": classifier.recipe.to_json(),
        "file_sha256": sha256_of(weights),
        "provenance": plain(classifier.provenance | {"weights_sha256": weights_digest(classifier.module)}),
    }
    write_json(folder / "model.json", about)


def load_classifier(folder: str | Path) -> Classifier:
    """Load what :func:`save_classifier` wrote, in evaluation mode on the CPU.

    Parameters
    ----------
    folder
        A run's folder, or any with ``model.json`` and ``model.safetensors``. An adopted model's factory is imported
        and called: the user's own code, from where they run.

    Returns
    -------
    Classifier
        Its ``provenance`` names the weights' hash.

    Raises
    ------
    ModelError
        A file is absent, damaged, changed since it was written, or of another architecture; or the factory is gone.
    """
    folder = Path(folder)
    try:
        about = read_json(folder / "model.json")
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']!r}, this version reads {FORMAT}")
        recipe = recipe_from_json(about["recipe"])
        names, positive = tuple(about["class_names"]), tuple(about["positive"])
        head = Head.of(about["head"], names, positive)
        name, factory = str(about["architecture"]), str(about.get("factory", ""))
        build = ARCHITECTURES.get(name) if not factory else None
        digest = about["file_sha256"]
    except (ReaderError, OptionError, ModelError, LookupError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: no model of the workbench ({error})") from error
    weights = folder / "model.safetensors"
    state = read_weights(weights)
    if sha256_of(weights) != digest:
        raise ModelError(f"{weights}: changed since model.json was written; its SHA-256 is another one")
    module = build_network(factory) if build is None else build(head.outputs)
    wanted = f"what {factory} builds" if factory else f"{name} with {head.outputs} outputs"
    load_weights(module, state, wanted)
    return Classifier(module.eval(), head, names, positive, recipe, name, about["provenance"], factory=factory)
