"""Half precision only where it was measured to change nothing, and always said."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from tests.module_state import state_of, unusual
from tests.small_networks import functional, hand_written, noise, small_resnet
from workbench.attribution import METHODS as REGISTRY
from workbench.attribution import explain
from workbench.attribution.methods import OwnMethod, SharedMethod
from workbench.attribution.plan import Plan
from workbench.attribution.precision import (
    HALF,
    HALF_BACK,
    LEAST_CORRELATION,
    RANKING_KEPT,
    RANKING_LOST,
    SERVED_ALONG,
    WAY_BACK_KEPT,
    rank_correlation,
)
from workbench.attribution.results import Results
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.models.classifier import Classifier, wrap
from workbench.models.scores import wrap_scores
from workbench.passes.single_pass import Needs, Seen

NAMES = ("normal", "abnormal")
IMAGES = noise(6, 3, 48, 48)
USED = {
    RANKING_KEPT: {HALF},
    WAY_BACK_KEPT: {HALF_BACK},
    RANKING_LOST: {"float32"},
    SERVED_ALONG: {HALF_BACK, "float32"},
}
METHODS = ("grad-cam", "guided-backprop", "saliency", "integrated-gradients", "activations")


def classifier(net: nn.Module | None = None) -> Classifier:
    return wrap(net or small_resnet(), class_names=NAMES, input_size=48)


def explanation(found: Results, key: str) -> Explanation:
    each = found[key]
    assert isinstance(each, Explanation)
    return each


def test_every_map_says_what_was_asked_measured_and_used() -> None:
    model = classifier()
    exact = explain(model, IMAGES, METHODS, target="abnormal", batch_size=4)
    fast = explain(model, IMAGES, METHODS, target="abnormal", batch_size=4, precision="fast")
    uses = set()
    for key, found in fast.items():
        about = found.provenance["precision"]
        assert about["asked"] == "fast"
        assert about["measured_on"] == [f"film-{index}" for index in range(4)]
        uses.add(about["used"])
        sound = about["lowest_rank_correlation"] >= LEAST_CORRELATION
        assert (about["because"] == RANKING_LOST) != sound
        assert about["used"] in USED[about["because"]]
        assert exact[key].provenance["precision"] == {"asked": "exact", "used": "float32"}
        if not isinstance(found, Explanation):
            continue
        ours, theirs = found.maps, explanation(exact, key).maps
        assert ours.dtype == np.float32
        if about["used"] != HALF_BACK:  # where nothing is convolved behind the layer, the way back changes nothing
            assert (about["used"] == "float32") == np.allclose(ours, theirs, rtol=1e-4, atol=1e-6)
        correlations = found.measures["rank_correlation"]
        assert np.isnan(correlations[4:]).all()
        assert round(float(correlations[:4].min()), 6) == about["lowest_rank_correlation"]
        if about["used"] != "float32":
            expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(ours, theirs, strict=True)]
            np.testing.assert_allclose(correlations[:4], expected[:4], atol=1e-4)
        assert "rank_correlation" not in explanation(exact, key).measures
    assert HALF in uses


def test_cam_does_not_take_the_rounding_of_half_precision_for_another_architecture() -> None:
    net = hand_written(functional)
    with torch.no_grad():
        net.head.weight.mul_(1000)  # large terms that cancel: their rounding is large beside the score
        net.head.bias.sub_(net(IMAGES).mean(dim=0))
    found = explain(classifier(net), IMAGES, ["cam"], target="abnormal", batch_size=2, precision="fast")
    assert explanation(found, "cam").provenance["precision"]["asked"] == "fast"


@pytest.mark.parametrize("method", [each for each in REGISTRY if each != "attention-rollout"])  # of transformers
def test_every_method_runs_in_half_precision(method: str) -> None:
    found = explain(classifier(hand_written(functional)), IMAGES[:3], [method], batch_size=2, precision="fast")[method]
    for name, values in found.arrays.items():
        if "maps" in name:
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
    about = found.provenance["precision"]
    assert about["used"] in USED[about["because"]]
    assert about["lowest_rank_correlation"] is not None or about["used"] == "float32"


@dataclass(frozen=True)
class MixesKinds(SharedMethod):
    """Works in single precision alone."""

    def needs(self, classifier: Classifier) -> Needs:
        return Needs()

    def combine(self, seen: Seen, classifier: Classifier) -> Tensor:
        features = classifier.module.first(seen.images)
        if features.dtype is torch.bfloat16:
            raise RuntimeError("BFloat16 did not match Float")
        return features.sum(dim=1)


def test_a_method_that_fails_in_half_precision_runs_in_single() -> None:
    model = classifier(hand_written(functional))
    found = explain(model, IMAGES, [MixesKinds(), "grad-cam"], batch_size=2, precision="fast")
    about = found["MixesKinds"].provenance["precision"]
    assert about["used"] == "float32"
    assert about["lowest_rank_correlation"] is None
    shared = found["grad-cam"].provenance["precision"]  # the forward pass is made anyway
    assert (shared["used"], shared["because"]) == ("float32", SERVED_ALONG)
    assert shared["lowest_rank_correlation"] > LEAST_CORRELATION


def test_one_pass_in_single_precision_serves_all_that_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where saliency needs single precision, another pass for Grad-CAM would only cost time."""
    passes = passes_of(monkeypatch)

    def measured(fast: Explanation, exact: Explanation) -> np.ndarray:
        return np.full(len(exact), 0.5 if exact.provenance["method"] == "saliency" else 0.999)

    monkeypatch.setattr("workbench.attribution.precision._correlations", measured)
    single, half = ("grad-cam", "saliency", "activations"), ("guided-backprop", "rise")
    found = explain(classifier(), IMAGES, (*single, *half), target="abnormal", batch_size=2, precision="fast")
    because = {key: each.provenance["precision"]["because"] for key, each in found.items()}
    assert because == {
        "grad-cam": SERVED_ALONG,
        "saliency": RANKING_LOST,
        "activations": SERVED_ALONG,
        "guided-backprop": RANKING_KEPT,  # its gradient would be a second backward pass
        "rise": RANKING_KEPT,
    }
    assert passes == [((*single, *half), False)] * 2 + [(single, True)] + 2 * [(single, False), (half, False)]


def passes_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, ...], bool]]:
    """Return what every pass to come will serve, and whether it goes back in half precision."""
    passes: list[tuple[tuple[str, ...], bool]] = []
    seen = Plan.seen

    def counted(plan: Plan, *given: Any, half_back: bool = False) -> Any:
        passes.append((tuple(plan.methods), half_back))
        return seen(plan, *given, half_back=half_back)

    monkeypatch.setattr(Plan, "seen", counted)
    return passes


def test_half_precision_on_the_way_back_alone_serves_what_keeps_its_ranking_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gradients at pixels change where a ReLU changes its mind, which only the way forwards can make it do."""
    asked = ("saliency", "grad-cam", "integrated-gradients")
    exact = explain(classifier(), IMAGES, asked, target="abnormal", batch_size=2)
    passes = passes_of(monkeypatch)
    found = explain(classifier(), IMAGES, asked, target="abnormal", batch_size=2, precision="fast")
    about = {key: each.provenance["precision"] for key, each in found.items()}
    assert (about["saliency"]["used"], about["saliency"]["because"]) == (HALF_BACK, WAY_BACK_KEPT)
    assert (about["grad-cam"]["used"], about["grad-cam"]["because"]) == (HALF_BACK, SERVED_ALONG)
    for key in ("saliency", "grad-cam"):
        ours, theirs = explanation(found, key).maps, explanation(exact, key).maps
        kept = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(ours, theirs, strict=True)]
        assert min(kept) > 0.998  # on the later batches too, which nobody measured
    assert [half_back for labels, half_back in passes if "saliency" in labels] == [False, False, True, True, True]
    assert passes[2][0] == ("saliency", "grad-cam")  # a method with passes of its own has no part in it
    assert about["integrated-gradients"]["used"] in (HALF, "float32")


@dataclass(frozen=True)
class TakesBoth(OwnMethod):
    """Has passes of its own and takes the gradient of the common one."""

    def needs(self, classifier: Classifier) -> Needs:
        return Needs(input_gradient=True)

    def attribute(self, model: Any, seen: Seen) -> Tensor:
        return seen.input_gradient.sum(dim=1)


def test_a_method_that_says_single_precision_gets_no_other_gradient() -> None:
    asked = [TakesBoth(), "saliency"]
    exact = explain(classifier(), IMAGES, asked, target="abnormal", batch_size=2)
    found = explain(classifier(), IMAGES, asked, target="abnormal", batch_size=2, precision="fast")
    for key in ("TakesBoth", "saliency"):
        assert explanation(found, key).provenance["precision"]["used"] == "float32"
        np.testing.assert_allclose(explanation(found, key).maps, explanation(exact, key).maps, rtol=1e-4, atol=1e-6)


class Blunt(nn.Module):
    """Loses in half precision what tells films apart: everything lies within one step of bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4, 2)
        with torch.no_grad():
            self.first.weight.mul_(1e-3)
            self.first.bias.fill_(1.0)
            self.head.weight.copy_(torch.tensor([[1.0, -1.0, 1.0, -1.0], [0.5, 0.5, -0.5, -0.5]]))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.relu(self.first(images)).mean(dim=(2, 3)))


def test_a_map_that_loses_its_ranking_stays_in_single_precision() -> None:
    model = classifier(Blunt())
    exact = explanation(explain(model, IMAGES, ["grad-cam"], target="abnormal", batch_size=2), "grad-cam")
    fast = explanation(
        explain(model, IMAGES, ["grad-cam"], target="abnormal", batch_size=2, precision="fast"), "grad-cam"
    )
    assert fast.provenance["precision"]["lowest_rank_correlation"] < LEAST_CORRELATION
    assert fast.provenance["precision"]["used"] == "float32"
    np.testing.assert_allclose(fast.maps, exact.maps, rtol=1e-5)


def test_both_precisions_explain_the_same_class() -> None:
    """A film on the fence may be of another class in half precision; all methods must speak for one class."""
    model = classifier()
    with torch.no_grad():
        logits = model.logits(IMAGES)
        model.module.fc.bias[1] += (logits[:, 0] - logits[:, 1]).median()
    found = explain(model, IMAGES, METHODS[:4], batch_size=2, precision="fast")
    targets = [each.targets.tolist() for each in found.values() if isinstance(each, Explanation)]
    assert all(each == targets[0] for each in targets)


def test_what_was_decided_holds_when_work_goes_on(tmp_path: Path) -> None:
    model = classifier()
    asked: dict[str, Any] = {"methods": METHODS, "batch_size": 2, "precision": "fast"}
    wanted = explain(model, IMAGES, **asked)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(model, IMAGES, **asked, out=tmp_path / "out", progress=interrupt)
    found = explain(model, IMAGES, **asked, out=tmp_path / "out")
    for key, each in wanted.items():
        assert found[key].provenance == each.provenance
        for name, values in each.arrays.items():
            np.testing.assert_array_equal(found[key].arrays[name], values)


def test_the_network_keeps_its_precision_and_its_order_of_axes() -> None:
    net = unusual(hand_written(functional))
    before, strides = state_of(net), [parameter.stride() for parameter in net.parameters()]
    explain(classifier(net), IMAGES, METHODS, precision="fast", batch_size=2)
    assert state_of(net) == before
    assert [parameter.stride() for parameter in net.parameters()] == strides
    assert not torch.is_autocast_enabled("cpu")


def test_a_function_has_no_precision() -> None:
    model = wrap_scores(lambda films: np.full((len(films), 2), 0.5), class_names=NAMES, input_size=32)
    with pytest.raises(OptionError, match="precision: 'fast' needs a network"):
        explain(model, np.zeros((1, 32, 32)), ["occlusion"], precision="fast")
    with pytest.raises(OptionError, match="precision: 'half' is not one of exact, fast"):
        explain(classifier(), IMAGES, precision="half")


def test_rank_correlation() -> None:
    rising = np.arange(12.0).reshape(3, 4)
    assert rank_correlation(rising, rising**3) == 1
    assert rank_correlation(rising, -rising) == -1
    assert rank_correlation(rising, np.zeros((3, 4))) == 0
    assert rank_correlation(np.ones((3, 4)), np.zeros((3, 4))) == 1
    assert rank_correlation(rising, np.full((3, 4), np.nan)) == 0
