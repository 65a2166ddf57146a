import math
from dataclasses import dataclass

import pytest

from workbench.core.errors import OptionError
from workbench.core.options import Option, check_options, option, option_values, options_of


@dataclass(frozen=True)
class Settings:
    size: int = option(32, "side", low=16, high=64, unit=" px")
    rate: float = option(0.5, "share", low=0.0, high=1.0)
    fit: str = option("pad", "how", choices=("pad", "stretch"))
    flip: bool = option(False, "mirror")
    layer: str | None = option(None, "free of any rule")
    note: str = ""

    def __post_init__(self) -> None:
        check_options(self)


def test_options_are_listed_in_order_with_all_they_declare():
    assert [each.name for each in options_of(Settings)] == ["size", "rate", "fit", "flip", "layer"]
    assert options_of(Settings)[0] == Option("size", 32, "side", low=16, high=64, unit=" px")


def test_option_values_leave_plain_fields_out():
    values = option_values(Settings(size=48, note="not an option"))
    assert values == {"size": 48, "rate": 0.5, "fit": "pad", "flip": False, "layer": None}


@pytest.mark.parametrize(
    "good", [{"size": 16}, {"size": 64}, {"rate": 0}, {"rate": 1.0}, {"layer": "relu"}, {"flip": True}]
)
def test_bounds_themselves_are_allowed(good):
    assert option_values(Settings(**good)).items() >= good.items()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"size": 15}, "Settings.size: 15 is below 16 px"),
        ({"size": 65}, "Settings.size: 65 is above 64 px"),
        ({"size": 32.0}, "Settings.size: 32.0 is a float, wanted int such as 32"),
        ({"size": True}, "Settings.size: True is a bool, wanted int such as 32"),
        ({"size": "32"}, "Settings.size: '32' is a str, wanted int such as 32"),
        ({"size": None}, "Settings.size: None is a NoneType, wanted int such as 32"),
        ({"rate": math.nan}, "Settings.rate: nan is a float"),
        ({"rate": math.inf}, "Settings.rate: inf is above 1.0"),
        ({"rate": -math.inf}, "Settings.rate: -inf is below 0.0"),
        ({"rate": True}, "Settings.rate: True is a bool"),
        ({"fit": "crop"}, "Settings.fit: 'crop' is not one of pad, stretch"),
        ({"flip": 1}, "Settings.flip: 1 is a int, wanted bool"),
    ],
)
def test_bad_values_are_refused_in_one_line(bad, words):
    with pytest.raises(OptionError) as caught:
        Settings(**bad)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
