"""``workbench weights fetch``, with a download that is not one."""

from collections.abc import Callable
from pathlib import Path
from unittest import mock
from urllib.error import URLError

import pytest

from workbench.models import zoo
from workbench.models.weights import read_weights
from workbench.models.zoo import build_classifier


def test_weights_are_fetched_and_written_for_machines_without_a_network(
    workbench: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = build_classifier("squeezenet1_1", seed=3).module.state_dict()
    monkeypatch.setattr(zoo, "imagenet_weights", lambda name: state)
    fetched = workbench("weights", "fetch", "squeezenet1_1", "--to", "weights")
    assert (fetched.code, fetched.err) == (0, "")
    assert "squeezenet1_1: 2.9 MB in the cache" in fetched.out
    written = read_weights(Path("weights/squeezenet1_1.safetensors"))
    assert all((written[name] == tensor).all() for name, tensor in state.items())
    again = build_classifier("squeezenet1_1", weights="weights/squeezenet1_1.safetensors").module.state_dict()
    assert all((again[name] == tensor).all() for name, tensor in state.items())


def test_without_a_network_it_is_one_line(workbench: Callable) -> None:
    offline = mock.Mock()
    offline.return_value.DEFAULT.get_state_dict.side_effect = URLError("no route to host")
    with mock.patch.object(zoo.torchvision.models, "get_model_weights", offline):
        refused = workbench("weights", "fetch", "resnet18").refusal
    assert "torchvision's weights of resnet18 cannot be downloaded" in refused
    assert "no route to host" in refused


def test_misspelled_name_is_refused_before_the_first_download(
    workbench: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "imagenet_weights", mock.Mock(side_effect=AssertionError))
    assert "did you mean 'resnet18'" in workbench("weights", "fetch", "resnet34", "resent18").refusal
