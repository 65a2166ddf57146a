import pickle
from pathlib import Path

import pytest
import torch

from workbench.core.errors import ModelError
from workbench.training.checkpoint_io import SafeCheckpointIO

STATE = {"epoch": 3, "weights": {"bias": torch.arange(4.0)}, "history": [{"loss": 0.25, "auroc": None}]}


class Trap:
    """Leaves a file when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return Path.touch, (self.witness,)


def test_a_checkpoint_reads_back_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    SafeCheckpointIO().save_checkpoint(STATE, path)
    SafeCheckpointIO().save_checkpoint(STATE | {"epoch": 4}, path)
    read = SafeCheckpointIO().load_checkpoint(path)
    assert read["epoch"] == 4
    assert read["history"] == STATE["history"]
    assert torch.equal(read["weights"]["bias"], torch.arange(4.0))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [torch.save, lambda trap, path: path.write_bytes(pickle.dumps(trap))])
def test_a_pickle_that_runs_code_is_refused_unread(tmp_path: Path, write: object) -> None:
    witness, path = tmp_path / "witness", tmp_path / "last.ckpt"
    write({"weights": Trap(witness)}, path)
    with pytest.raises(ModelError, match="not a checkpoint of plain values and tensors") as refusal:
        SafeCheckpointIO().load_checkpoint(path)
    assert "\n" not in str(refusal.value)
    assert not witness.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"plain text"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(ModelError, match=r"last\.ckpt: not a checkpoint"):
        SafeCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")


def test_reading_without_weights_only_is_refused(tmp_path: Path) -> None:
    SafeCheckpointIO().save_checkpoint(STATE, tmp_path / "last.ckpt")
    with pytest.raises(ModelError, match="weights_only=True"):
        SafeCheckpointIO().load_checkpoint(tmp_path / "last.ckpt", weights_only=False)


def test_what_cannot_be_written_stops_the_training_and_keeps_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    SafeCheckpointIO().save_checkpoint(STATE, path)

    def refuse(_content: object, at: Path) -> None:
        at.write_bytes(b"half")
        raise PermissionError(13, "Permission denied", str(at))

    monkeypatch.setattr(torch, "save", refuse)
    with pytest.raises(PermissionError):
        SafeCheckpointIO().save_checkpoint(STATE | {"epoch": 4}, path)
    assert SafeCheckpointIO().load_checkpoint(path)["epoch"] == 3
    assert list(tmp_path.iterdir()) == [path]
