"""Films in a grid."""

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.plots.contact_sheet import contact_sheet
from workbench.plots.explanation_sheet import Row


def films(count: int, height: int = 40, width: int = 30) -> list[Row]:
    return [Row(np.full((height, width), 0.5, dtype=np.float32), {}, f"film {index}") for index in range(count)]


def test_every_film_has_a_panel_of_its_shape() -> None:
    picture = contact_sheet([*films(5), *films(1, 30, 60)], columns=3)
    assert len(picture.axes) == 6
    width, height = picture.get_size_inches()
    shapes = [(box.width * width, box.height * height) for box in (axes.get_position() for axes in picture.axes)]
    assert shapes[0][0] / shapes[0][1] == pytest.approx(30 / 40)
    assert shapes[-1][0] / shapes[-1][1] == pytest.approx(60 / 30)


def test_rows_do_not_overlap() -> None:
    boxes = [axes.get_position() for axes in contact_sheet(films(6), columns=3).axes]
    assert boxes[0].y0 > boxes[3].y1
    assert boxes[0].x1 < boxes[1].x0


def test_no_film_is_refused() -> None:
    with pytest.raises(OptionError, match="at least one"):
        contact_sheet([])
