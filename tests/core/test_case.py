import numpy as np
import pytest

from workbench.core.annotation import Annotation
from workbench.core.case import Case
from workbench.core.errors import ManifestError

FLAG, FRAME = Annotation("flag", (0, 0, 2, 2)), Annotation("frame", (1, 1, 3, 3))


def case(**values) -> Case:
    return Case("c", "p", "s", "a.png", width=6, height=4, annotations=(FLAG, FRAME), **values)


def test_mask_is_the_union_of_the_categories_asked_for():
    flag, frame = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    flag[:2, :2] = frame[1:3, 1:3] = True
    np.testing.assert_array_equal(case().mask("flag"), flag)
    np.testing.assert_array_equal(case().mask("flag", "frame"), flag | frame)
    np.testing.assert_array_equal(case().mask("frame", "text"), frame)


def test_mask_of_nothing_is_empty():
    assert case().mask("text").shape == (4, 6)
    assert not case().mask("text").any()
    assert not case().mask().any()


def test_has_knows_categories():
    assert case().has("flag")
    assert not case().has("evidence")
    assert not Case("c", "p", "s", "a.png").has("flag")


def test_a_mask_on_a_film_of_unknown_size_is_refused():
    unknown = Case("c", "p", "s", "a.png", annotations=(FLAG,))
    with pytest.raises(ManifestError, match="c: its masks need the film's width and height"):
        unknown.mask("flag")
    assert unknown.mask("frame").shape == (0, 0)
