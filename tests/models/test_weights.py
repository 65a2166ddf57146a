"""Weights on disk: read back bit by bit; a pickle is never opened; what does not fit is named."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.small_networks import modules_only
from workbench.core.errors import ModelError
from workbench.models.weights import load_weights, read_weights, weights_digest, write_weights


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_written_weights_read_back_bit_by_bit(tmp_path: Path) -> None:
    net = modules_only()
    write_weights(net, tmp_path / "w.safetensors")
    state = read_weights(tmp_path / "w.safetensors")
    assert state.keys() == net.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in net.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_shared_and_strided_tensors_can_be_written(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    net[0].bias = nn.Parameter(torch.arange(6.0)[::2])
    write_weights(net, tmp_path / "w.safetensors")
    assert torch.equal(read_weights(tmp_path / "w.safetensors")["1.weight"], net[0].weight)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_becomes_single(tmp_path: Path, kind: torch.dtype) -> None:
    save_file({"a": torch.tensor([1.5], dtype=kind), "b": torch.tensor(3)}, tmp_path / "w.safetensors")
    state = read_weights(tmp_path / "w.safetensors")
    assert state["a"].dtype == torch.float32
    assert state["a"].item() == 1.5
    assert state["b"].dtype == torch.int64


@pytest.mark.parametrize("protocol", [*range(pickle.HIGHEST_PROTOCOL + 1), "torch", "torch, before 1.6"])
def test_a_pickle_is_refused_and_never_opened(tmp_path: Path, protocol: int | str) -> None:
    path, touched = tmp_path / "w.safetensors", tmp_path / "touched"
    if isinstance(protocol, int):
        path.write_bytes(pickle.dumps(Trap(touched), protocol=protocol))
    else:
        torch.save({"a": Trap(touched)}, path, _use_new_zipfile_serialization=protocol == "torch")
    with pytest.raises(ModelError, match=r"w\.safetensors: (a pickle|not a safetensors file)") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    assert not touched.exists()
    if protocol not in {0, 1}:  # these have no mark of their own
        assert "a pickle, which could run code" in str(caught.value)


@pytest.mark.parametrize("kept", [0, 4, 8, 60, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(modules_only(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match="not a safetensors file") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


def test_an_absent_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be read .No such file"):
        read_weights(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match=r"cannot be read .Is a directory"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("9.bias"), r"9\.bias is missing \(1 missing, 0 unknown, 0 of another shape\)"),
        (lambda state: state.update(more=torch.zeros(1)), r"more is not part of it \(0 missing, 1 unknown"),
        (lambda state: state.update({"9.bias": torch.zeros(7)}), r"9\.bias has another shape"),
        (lambda state: state.clear(), r"0\.weight is missing"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(change, message: str) -> None:
    net, state = modules_only(), dict(modules_only().state_dict())
    state["0.weight"] = torch.ones_like(state["0.weight"])
    change(state)
    before = weights_digest(net)
    with pytest.raises(ModelError, match=f"these are not the weights of a net: {message}"):
        load_weights(net, state, "a net")
    assert weights_digest(net) == before


def test_a_counter_of_batches_may_be_absent() -> None:
    net = modules_only()
    state = {name: tensor for name, tensor in net.state_dict().items() if "num_batches" not in name}
    load_weights(modules_only(), state, "a net")
    with pytest.raises(ModelError, match="running_mean is missing"):
        load_weights(net, {name: tensor for name, tensor in state.items() if name != "1.running_mean"}, "a net")


def test_the_digest_sees_names_types_shapes_and_every_value() -> None:
    net = nn.Linear(2, 3)
    digests = {weights_digest(net), weights_digest(nn.Sequential(net)), weights_digest(nn.Linear(2, 3).double())}
    with torch.no_grad():
        net.weight[2, 1] += 1e-6
    digests.add(weights_digest(net))
    assert len(digests) == 4
    assert weights_digest(net) == weights_digest(net)
