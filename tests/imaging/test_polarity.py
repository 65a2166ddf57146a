from pathlib import Path

import numpy as np
import pytest

from workbench.data.phantoms.options import BODY_PARTS, PhantomOptions
from workbench.data.phantoms.phantom import draw_phantom
from workbench.imaging.pixels import read_radiograph
from workbench.imaging.polarity import is_reversed


def phantom(part: str, frame: bool) -> np.ndarray:
    return draw_phantom(PhantomOptions(body_part=part, frame=frame, flag="L"), seed=4).pixels


@pytest.mark.parametrize("frame", [False, True])
@pytest.mark.parametrize("part", BODY_PARTS)
def test_a_phantom_is_told_from_its_inverse(part, frame):
    film = phantom(part, frame)
    assert not is_reversed(film)
    assert is_reversed(1 - film)


@pytest.mark.parametrize("grey", [0.0, 1.0])
@pytest.mark.parametrize("share", [0.03, 0.1, 0.3])
def test_a_border_of_either_grey_does_not_mislead(grey, share):
    film = phantom("hand", False)
    width = round(share * min(film.shape))
    assert not is_reversed(np.pad(film, width, constant_values=grey))
    assert is_reversed(np.pad(1 - film, width, constant_values=grey))


def test_size_and_turn_say_nothing_about_it():
    film = phantom("wrist", False)
    for changed in (np.kron(film, np.ones((3, 3), np.float32)), film[::2, ::2], film[::-1], film.T):
        assert not is_reversed(np.ascontiguousarray(changed))
        assert is_reversed(1 - changed)


@pytest.mark.parametrize("film", [np.zeros((5, 7)), np.full((300, 1), 0.5), np.full((1, 1), 0.3)])
def test_what_shows_nothing_is_not_reversed(film):
    assert not is_reversed(film.astype(np.float32))


def test_real_films_are_told_from_their_inverses(shared_data: Path):
    paths = sorted((shared_data / "FracAtlas-subset" / "images" / "Fractured").glob("*.jpg"))[10:90:2]
    films = [read_radiograph(path).pixels for path in paths]
    assert sum(is_reversed(film) for film in films) <= 1
    assert sum(not is_reversed(1 - film) for film in films) <= 1
