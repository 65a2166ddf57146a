"""Checkpoints that are whole or absent, and that run no code when they are read."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from typing_extensions import override

from workbench.core.errors import ModelError
from workbench.core.files import atomic_path

_BROKEN = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError),
    *(TypeError, AttributeError, AssertionError, pickle.UnpicklingError),
)
"""What torch.load is known to raise on what is no checkpoint."""


class SafeCheckpointIO(CheckpointIO):
    """Writes beside and renames; reads plain values and tensors only.

    Lightning's own swallows a PermissionError and goes on without a checkpoint; here it stops the training.
    """

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        if storage_options is not None:
            raise TypeError("checkpoints lie in a local folder: storage_options mean nothing here")
        with atomic_path(Path(path)) as temporary:
            torch.save(checkpoint, temporary)

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read a checkpoint.

        Parameters
        ----------
        path
            What :meth:`save_checkpoint` wrote.
        map_location
            Where the tensors go.
        weights_only
            True: there is no other way.

        Returns
        -------
        dict
            Plain values and tensors.

        Raises
        ------
        ModelError
            No such file, damaged, or a pickle of anything else.
        """
        if weights_only is False:
            raise ModelError(f"{path}: checkpoints are read with weights_only=True, because a pickle can run any code")
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Detected pickle protocol")  # it is refused all the same
                checkpoint = torch.load(path, map_location=map_location, weights_only=True)
        except _BROKEN as error:
            reason = error.strerror if isinstance(error, OSError) else "damaged, or a pickle of other things"
            message = f"{path}: not a checkpoint of plain values and tensors ({reason}); remove it to begin anew"
            raise ModelError(message) from error
        if not isinstance(checkpoint, dict):
            raise ModelError(f"{path}: a checkpoint is a dictionary, this is a {type(checkpoint).__name__}")
        return checkpoint

    @override
    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)
