"""Sheets: films upright and in shape, words that keep to their place, nothing left behind."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from IPython.core.formatters import PNGFormatter
from PIL import Image

from workbench.core.errors import OptionError
from workbench.plots.sheet import Picture, fitted, show_film, shrunk


def test_jupyter_is_given_a_png_without_pyplot():
    picture = Picture(2.0, 1.0)
    assert PNGFormatter()(picture).startswith(b"\x89PNG")


def test_drawing_loads_no_pyplot_and_changes_no_setting():
    code = (
        "import sys, matplotlib as mpl; before = dict(mpl.rcParams)\n"
        "from workbench.plots.case_figure import case_figure\n"
        "from workbench.plots.sheet import Picture\n"
        "Picture(2.0, 1.0).png(); assert dict(mpl.rcParams) == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_panel_lies_where_inches_from_the_upper_left_say(tmp_path):
    picture = Picture(4.0, 2.0)
    axes = picture.panel(1.0, 0.5, width_in=2.0, height_in=1.0)
    film = np.zeros((50, 100), dtype=np.float32)
    film[:25, :50] = 1.0  # the upper left quarter is white
    show_film(axes, film, (50, 100))
    picture.save(tmp_path / "picture.png")
    seen = np.asarray(Image.open(tmp_path / "picture.png").convert("L")) / 255
    dpi = seen.shape[0] / 2
    at = {(1.5, 0.75): 1.0, (2.5, 0.75): 0.0, (1.5, 1.25): 0.0, (2.5, 1.25): 0.0, (0.5, 1): 1.0, (3.5, 1): 1.0}
    for (x, y), light in at.items():
        assert seen[int(y * dpi), int(x * dpi)] == pytest.approx(light, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PDF", b"%PDF")]
)
def test_a_picture_is_written_as_its_name_ends_twice_the_same(tmp_path, kind, begins):
    contents = []
    for place in ("a", "b"):
        picture = Picture(2.0, 1.0)
        picture.write("Grad-CAM −0.5", 0.1, 0.1, width_in=1.8)
        show_film(picture.panel(0.2, 0.4, width_in=0.5, height_in=0.5), np.eye(8), (8, 8))
        picture.save(tmp_path / f"{place}.{kind}")
        contents.append((tmp_path / f"{place}.{kind}").read_bytes())
    assert contents[0].startswith(begins)
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["picture.jpg", "picture"])
def test_another_ending_is_refused(tmp_path, name):
    with pytest.raises(OptionError, match=r"\.svg"):
        Picture(2.0, 1.0).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("film", "inches"), [((100, 50), (1.5, 3.0)), ((50, 200), (2.0, 0.5))])
def test_film_keeps_its_shape(film, inches):
    assert fitted(film, width_in=2.0, height_in=3.0) == pytest.approx(inches)


def test_words_keep_to_their_width_and_dollars_stay_dollars():
    picture = Picture(4.0, 2.0)
    cut = picture.write("$x^2$ and " + "W" * 80, 0.1, 0.1, width_in=1.5)
    assert cut.get_window_extent().width / picture.dpi <= 1.5
    assert cut.get_text().startswith("$x^2$")
    assert cut.get_text().endswith("…")
    broken = picture.write("one two three four five six seven", 0.1, 0.5, width_in=1.0, lines=9)
    assert broken.get_text().replace("\n", " ") == "one two three four five six seven"
    assert broken.get_window_extent().width / picture.dpi <= 1.0


def test_words_stand_on_one_line_whatever_their_letters():
    picture = Picture(4.0, 2.0)
    low, tall = (picture.write(words, 0.1, 0.5, width_in=2.0) for words in ("aeon", "Flying"))
    assert low.get_position()[1] == tall.get_position()[1]
    assert low.get_verticalalignment() == "baseline"


def test_shrunk_keeps_means_and_places():
    values = np.zeros((2000, 1000), dtype=np.float32)
    values[1000:, 500:] = 1.0
    small = shrunk(values, 100)
    assert small.shape == (100, 50)
    assert small.mean() == pytest.approx(0.25)
    assert small[50:, 25:].min() == pytest.approx(1.0)
    assert shrunk(small, 100) is small


def test_user_settings_of_matplotlib_do_not_break_the_look():
    with mpl.rc_context({"figure.facecolor": "black", "text.color": "white", "font.size": 30}):
        picture = Picture(2.0, 1.0)
        text = picture.write("words", 0.1, 0.1, width_in=1.5)
        assert text.get_fontsize() == 9.0
        assert text.get_color() != "white"
        assert picture.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
