from dataclasses import dataclass

import pytest

from workbench.core.errors import OptionError, UnknownNameError
from workbench.core.options import check_options, option
from workbench.core.registry import Registry, unknown_name


@dataclass(frozen=True)
class Cam:
    threshold: float = option(0.2, "share of the maximum", low=0.0, high=1.0)
    secret: str = ""

    def __post_init__(self) -> None:
        check_options(self)


@pytest.fixture
def methods() -> Registry:
    registry: Registry = Registry("method")
    registry.register("grad-cam")(Cam)
    registry.register("cam")(Cam)
    return registry


def test_names_keep_the_order_of_registration(methods):
    assert methods.names() == tuple(methods) == ("grad-cam", "cam")
    assert len(methods) == 2
    assert "cam" in methods
    assert "CAM" not in methods


def test_register_returns_the_entry_itself(methods):
    assert methods.get("cam") is Cam


def test_a_name_is_taken_once(methods):
    with pytest.raises(ValueError, match="method 'cam' is registered twice"):
        methods.register("cam")(Cam)
    assert methods.names() == ("grad-cam", "cam")


def test_make_passes_the_options_on(methods):
    assert methods.make("cam", threshold=0.5) == Cam(0.5)
    assert methods.make("cam") is not methods.make("cam")


@pytest.mark.parametrize("given", ["grad_cam", "gradcam", "Grad-CAM"])
def test_the_nearest_name_is_offered(methods, given):
    with pytest.raises(UnknownNameError, match=r"did you mean 'grad-cam'\?"):
        methods.make(given)


def test_all_names_are_listed_where_none_is_near(methods):
    with pytest.raises(UnknownNameError) as caught:
        methods.get("zzzzzz")
    assert str(caught.value) == "no method is called 'zzzzzz'; known: cam, grad-cam"


@pytest.mark.parametrize("option_name", ["treshold", "secret"])
def test_only_declared_options_are_taken(methods, option_name):
    with pytest.raises(OptionError, match=f"no option of cam is called '{option_name}'"):
        methods.make("cam", **{option_name: 0.5})


def test_values_out_of_range_are_refused(methods):
    with pytest.raises(OptionError, match=r"threshold: 2\.0 is above 1\.0"):
        methods.make("cam", threshold=2.0)


def test_unknown_name_of_nothing_is_still_one_line():
    assert str(unknown_name("run", "x", [])) == "no run is called 'x'; known: "


def test_a_long_list_of_names_is_cut():
    told = str(unknown_name("run", "zzz", [f"20261120T1413{number:02d}Z-train-e81f" for number in range(90)]))
    assert told.endswith(" ...")
    assert len(told) < 500
