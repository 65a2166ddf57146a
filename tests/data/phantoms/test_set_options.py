"""What a set may be asked to hold: strengths by split, and what is refused."""

import pytest

from workbench.core.errors import OptionError, UnknownNameError
from workbench.data.phantoms.options import BODY_PARTS
from workbench.data.phantoms.set_options import MURA_STUDIES, SETS, Confounder, PhantomSetOptions, named_set


def test_a_strength_is_one_number_or_one_a_split_the_nearest_name_first() -> None:
    assert Confounder("flag", strength=0.5).strength_in("test-balanced") == 0.5
    named = Confounder("flag", strength={"test": 0.8, "balanced": 0.1, "test-odd": -1.0})
    assert [named.strength_in(split) for split in ("test", "test-balanced", "test-odd", "train")] == [0.8, 0.1, -1.0, 0]


def test_shares_follow_from_strength_and_base_rate() -> None:
    flag = Confounder("flag", strength=0.8)
    assert flag.shares_in("train", "abnormal")[0] == pytest.approx(0.9)
    assert flag.shares_in("train", "normal")[0] == pytest.approx(0.1)
    rare = Confounder("cast", 0.1, strength=-0.5)
    assert rare.shares_in("train", "abnormal") == pytest.approx((0.05, 0.0))
    assert rare.shares_in("train", "normal") == pytest.approx((0.15, 0.0))
    exposure = Confounder("exposure", 0.2, strength=0.5)
    assert exposure.shares_in("train", "abnormal") == pytest.approx((0.3, 0.1))
    assert exposure.shares_in("train", "normal") == pytest.approx((0.1, 0.3))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("flag", 0.5, 1.5), "strength of flag: 1.5 is not within -1 and 1"),
        (("flag", 0.5, float("nan")), "strength of flag: nan is not within"),
        (("flag", 0.8, {"train": 0.5}), "share of flag: 0.8 is not within 0 and 0.667"),
        (("text", -0.1), "share of text: -0.1 is not within 0 and 1"),
        (("exposure", 0.6), "share of exposure: 0.6 is above 0.5"),
    ],
)
def test_impossible_confounders_are_refused_in_one_line(arguments: tuple, words: str) -> None:
    with pytest.raises(OptionError) as refused:
        Confounder(*arguments)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'frame'"):
        Confounder("fram")
    with pytest.raises(UnknownNameError, match="did you mean 'train'"):
        PhantomSetOptions(confounders=(Confounder("flag", strength={"trian": 0.5}),))
    with pytest.raises(UnknownNameError, match="did you mean 'hardware'"):
        PhantomSetOptions(kinds={"hardwear": 1.0})
    with pytest.raises(UnknownNameError, match="did you mean 'lesion'"):
        PhantomSetOptions(twins=("lesions",))
    with pytest.raises(UnknownNameError, match="part"):
        PhantomSetOptions(splits=("train", "tset-balanced"))
    with pytest.raises(UnknownNameError, match="did you mean 'phantom-demo'"):
        named_set("phantom-dmo")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kinds": {"fracture": 0.7, "hardware": 0.6}}, "is not shares that add up to 1"),
        ({"kinds": {"fracture": 1.5, "hardware": -0.5}}, "is not shares that add up to 1"),
        ({"body_parts": "odd"}, "body_parts: 'odd' is not one of even, mura"),
        ({"difficulty": 0.8}, "difficulty: 0.8 is above 0.5"),
        ({"train": 0}, "train: 0 is below 1"),
    ],
)
def test_impossible_sets_are_refused(wrong: dict, words: str) -> None:
    with pytest.raises(OptionError) as refused:
        PhantomSetOptions(**wrong)
    assert words in str(refused.value)


def test_the_named_sets_are_those_of_the_issue() -> None:
    assert set(SETS) == {
        "phantom-demo",
        "phantom-7parts",
        *(f"phantom-planted-{percent}" for percent in (0, 20, 50, 80, 100)),
    }
    assert all(SETS[name].name == name for name in SETS)
    for percent in (0, 20, 50, 80, 100):
        (flag,) = (each for each in SETS[f"phantom-planted-{percent}"].confounders if each.name == "flag")
        assert [flag.strength_in(split) for split in ("train", "valid", "test")] == [percent / 100] * 3
        assert flag.strength_in("test-balanced") == 0.0


def test_mura_has_the_published_number_of_studies_of_seven_parts() -> None:
    assert sum(MURA_STUDIES.values()) == 14656
    assert tuple(MURA_STUDIES) == BODY_PARTS
