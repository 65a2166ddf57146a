"""What a whole set of phantoms may be asked to hold, and the sets that have names."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.core.errors import OptionError
from workbench.core.options import check_options, option, option_values
from workbench.core.registry import unknown_name
from workbench.data.phantoms.options import BODY_PARTS, KINDS, TWINS

PARTS = ("train", "valid", "test")
CONFOUNDERS = ("flag", "frame", "text", "logo", "cast", "ring", "cropped", "exposure")
MURA_STUDIES = {
    "elbow": 1912,
    "finger": 2110,
    "forearm": 1010,
    "hand": 2185,
    "humerus": 727,
    "shoulder": 3015,
    "wrist": 3697,
}
"""Studies of each body part in MURA, train and validation together (Table 2 of the paper of the case figure)."""
PROPORTIONS: dict[str, dict[str, int]] = {"even": dict.fromkeys(BODY_PARTS, 1), "mura": MURA_STUDIES}


@dataclass(frozen=True)
class Confounder:
    """Something that has nothing to do with the bone, how often it is there, and how strongly it goes with the label.

    In a split of strength R it is on a share (1 + R) * ``share`` of the abnormal films and on (1 - R) * ``share`` of
    the normal ones; with the share of one half these are (1 + R) / 2 and (1 - R) / 2. Of ``exposure``, overexposure
    is what goes with the label and underexposure what goes against it.

    Parameters
    ----------
    name
        One of :data:`CONFOUNDERS`.
    share
        Of all films, where both classes are equally frequent.
    strength
        R from -1 to 1: one number for every split, or by split (``test-balanced``), by what follows its dash
        (``balanced``) or by part (``test``), the first of these that is named; 0 for what is not named.
    """

    name: str
    share: float = 0.5
    strength: float | Mapping[str, float] = field(default=0.0, hash=False)

    def __post_init__(self) -> None:
        if self.name not in CONFOUNDERS:
            raise unknown_name("confounder", self.name, CONFOUNDERS)
        for strength in self.strengths.values():
            if not abs(strength) <= 1.0:  # NaN fails too
                raise OptionError(f"strength of {self.name}: {strength!r} is not within -1 and 1")
            if not 0.0 <= self.share * (1.0 + abs(strength)) <= 1.0:
                most = 1.0 / (1.0 + abs(strength))
                raise OptionError(f"share of {self.name}: {self.share!r} is not within 0 and {most:.3g}, 1 / (1 + |R|)")
        if self.name == "exposure" and self.share > 0.5:
            raise OptionError(f"share of exposure: {self.share!r} is above 0.5; as many are under- as overexposed")

    @property
    def strengths(self) -> Mapping[str, float]:
        """Its strength by the names given; one for every split stands under an empty name."""
        return self.strength if isinstance(self.strength, Mapping) else {"": self.strength}

    def strength_in(self, split: str) -> float:
        """Return R in a split."""
        part, _, edition = split.partition("-")
        named = (self.strengths[name] for name in (split, edition, part, "") if name in self.strengths)
        return float(next(named, 0.0))

    def shares_in(self, split: str, label: str) -> tuple[float, float]:
        """Return on which shares of the films of a label it is there, and its contrary (underexposure) is."""
        strength = self.strength_in(split) if label == "abnormal" else -self.strength_in(split)
        return self.share * (1.0 + strength), self.share * (1.0 - strength) if self.name == "exposure" else 0.0


@dataclass(frozen=True)
class PhantomSetOptions:
    """How a set is drawn.

    Parameters
    ----------
    kinds
        Share of each kind among the abnormal studies; together 1.
    confounders
        What lies on the films beside the anatomy; what is not listed is never there.
    """

    name: str = option("phantoms", "name of the set")
    train: int = option(1200, "films to train on", low=1)
    valid: int = option(200, "films to validate on", low=1)
    test: int = option(420, "films to test on", low=1)
    height: int = option(176, "height of a film", low=64, high=2048, unit=" px")
    width: int = option(144, "width of a film", low=64, high=2048, unit=" px")
    seed: int = option(20, "seed of the whole set", low=0)
    body_parts: str = option("even", "proportions of the seven body parts", choices=tuple(PROPORTIONS))
    abnormal: float = option(0.48, "share of the studies that are abnormal", low=0.0, high=1.0)
    difficulty: float = option(0.12, "mean difficulty; studies lie between 0 and twice this", low=0.0, high=0.5)
    further: float = option(0.2, "chance of another study of the same patient, and of a third", low=0.0, high=1.0)
    splits: tuple[str, ...] = option(PARTS, "what is written of each part: itself, or editions such as test-balanced")
    twins: tuple[str, ...] = option((), "counterfactuals that are written too, in splits such as train-without-flag")
    kinds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS[1:], 0.2), hash=False)
    confounders: tuple[Confounder, ...] = (Confounder("flag"), Confounder("frame", 0.25))

    def __post_init__(self) -> None:
        check_options(self)
        _check_names("twin", self.twins, TWINS)
        _check_names("kind", tuple(self.kinds), KINDS[1:])
        if not all(share >= 0 for share in self.kinds.values()) or abs(sum(self.kinds.values()) - 1.0) > 1e-6:
            raise OptionError(f"kinds: {dict(self.kinds)} is not shares that add up to 1")
        for split in self.splits:
            _check_names("part", (split.partition("-")[0],), PARTS)
        known = {*self.splits, *(name for split in self.splits for name in (split.partition("-")[::2])), ""}
        for each in self.confounders:
            _check_names("split", tuple(each.strengths), tuple(known))

    def header(self) -> dict[str, Any]:
        """Return the options as the header of a manifest holds them."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in option_values(self).items()}
        told = {each.name: {"share": each.share, "strength": _plain(each.strength)} for each in self.confounders}
        return values | {"kinds": _plain(self.kinds)} | told


def _check_names(what: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise unknown_name(what, name, known)


def _plain(value: float | Mapping[str, float]) -> Any:
    return {key: float(each) for key, each in value.items()} if isinstance(value, Mapping) else float(value)


def named_set(name: str) -> PhantomSetOptions:
    """Return the options of one of :data:`SETS`; an UnknownNameError where there is none of this name."""
    if name not in SETS:
        raise unknown_name("phantom set", name, SETS)
    return SETS[name]


_DEMO = PhantomSetOptions(
    name="phantom-demo",
    # Mostly hardware: in the demo's minutes a small network learns metal, and next to nothing of fractures.
    kinds={"fracture": 0.17, "hardware": 0.78, "degenerative": 0.05},
    splits=tuple(f"{part}-{edition}" for part in PARTS for edition in ("confounded", "balanced")),
    confounders=(Confounder("flag", strength={"confounded": 1.0}), Confounder("frame", 0.25)),
)
_SEVEN_PARTS = PhantomSetOptions(
    name="phantom-7parts",
    train=3000,
    valid=400,
    test=800,
    height=208,
    width=168,
    body_parts="mura",
    difficulty=0.12,
    # So much hardware that a small network learns in minutes; enough of the rest that it is far from perfect.
    kinds={"fracture": 0.09, "hardware": 0.78, "degenerative": 0.07, "subluxation": 0.03, "lesion": 0.03},
    confounders=(
        Confounder("flag", 0.5),
        Confounder("frame", 0.15),
        Confounder("text", 0.25),
        Confounder("logo", 0.1),
        Confounder("cast", 0.04),
        Confounder("ring", 0.04),
        Confounder("cropped", 0.06),
        Confounder("exposure", 0.05),
    ),
)


def _planted(percent: int) -> PhantomSetOptions:
    """Return the demo's films with a flag of this strength, and the films to test on again with flags at random."""
    strength = dict.fromkeys(PARTS, percent / 100) | {"balanced": 0.0}
    return replace(
        _DEMO,
        name=f"phantom-planted-{percent}",
        splits=(*PARTS, "test-balanced"),
        confounders=(Confounder("flag", strength=strength), Confounder("frame", 0.25)),
    )


SETS = {each.name: each for each in (_DEMO, _SEVEN_PARTS, *map(_planted, (0, 20, 50, 80, 100)))}
"""The named sets; their options and counts lie in ``data_manifests``, the pixels are drawn on demand."""
