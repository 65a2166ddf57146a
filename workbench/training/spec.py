"""What a training folder says about itself: enough for a child process to do it, and to tell it from another one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.core.arrays import Json
from workbench.core.errors import OptionError, ReaderError, RunError
from workbench.core.files import digest_of, read_json, write_json
from workbench.core.manifest import Manifest
from workbench.core.options import option_values
from workbench.core.provenance import plain
from workbench.models.classifier import Classifier
from workbench.models.weights import weights_digest
from workbench.training.options import TrainingOptions

NAME = "training-spec.json"
FREE_OPTIONS = ("workers", "cache")
"""Options that change nothing of the outcome; a training may go on with others."""
LATER_OPTIONS = ("films_on_device",)
"""Options that there were not always: unused they leave the digest alone, so that what was begun before can go on."""


@dataclass(frozen=True)
class TrainingSpec:
    """One training.

    Parameters
    ----------
    options
        How.
    root
        Folder that the films' paths start from; it may move between two sittings.
    train_split, valid_split
        Names of splits of the manifest.
    data
        Name and digest of the manifest of both splits.
    model
        Architecture, head, recipe, classes and hash of the initial weights.
    """

    options: TrainingOptions
    root: str
    train_split: str
    valid_split: str
    data: dict[str, Any]
    model: dict[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for a training to go on: option or fact by name."""
        options = {name: value for name, value in option_values(self.options).items() if name not in FREE_OPTIONS}
        splits = {"train_split": self.train_split, "valid_split": self.valid_split}
        return options | splits | self.data | self.model

    @property
    def digest(self) -> str:
        """SHA-256 of the identity."""
        return digest_of({name: value for name, value in self.identity.items() if name not in LATER_OPTIONS or value})

    def check_same(self, begun: "TrainingSpec", folder: Path) -> None:
        """Refuse to go on with what another training began: a RunError that names what differs."""
        ours, theirs = self.identity, begun.identity
        changed = [
            f"{name} {theirs.get(name)!r}, not {value!r}" for name, value in ours.items() if value != theirs.get(name)
        ]
        if changed:
            raise RunError(
                f"{folder} holds a training with {'; '.join(changed)}; give the same again, or another folder"
            )

    def write(self, folder: Path) -> None:
        """Write it into the folder of the training."""
        content: Json = {
            "options": option_values(self.options),
            "root": self.root,
            "train_split": self.train_split,
            "valid_split": self.valid_split,
            "data": self.data,
            "model": self.model,
        }
        write_json(folder / NAME, content)


def training_spec(
    classifier: Classifier, manifest: Manifest, options: TrainingOptions, *, train_split: str, valid_split: str
) -> TrainingSpec:
    """Return the spec of training a classifier on two splits of a manifest."""
    model = {
        "architecture": classifier.architecture,
        "head": classifier.head.name,
        "class_names": plain(classifier.class_names),
        "positive": plain(classifier.positive),
        "recipe": classifier.recipe.to_json(),
        "initial_weights_sha256": weights_digest(classifier.module),
    }
    data = {"manifest": manifest.name, "manifest_digest": manifest.split(train_split, valid_split).digest}
    return TrainingSpec(options, str(manifest.root.resolve()), train_split, valid_split, data, model)


def read_spec(folder: Path) -> TrainingSpec:
    """Read what :meth:`TrainingSpec.write` wrote; a RunError where there is no spec."""
    try:
        content = read_json(folder / NAME)
        options = TrainingOptions(**content.pop("options"))
        return TrainingSpec(options=options, **content)
    except (ReaderError, OptionError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{folder}: no training to go on with ({error})") from error
