import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.geometry import resample, scaling, translation


def reference(values: np.ndarray, to_target: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear drawing pixel by pixel in float64: slow, and as plain as the definition."""
    height, width = values.shape
    to_source = np.linalg.inv(to_target)
    target = np.zeros(size)
    for row in range(size[0]):
        for column in range(size[1]):
            x, y, _ = to_source @ (column + 0.5, row + 0.5, 1.0)
            if not (-1e-9 <= x <= width + 1e-9 and -1e-9 <= y <= height + 1e-9):
                continue
            x, y = min(max(x - 0.5, 0), width - 1), min(max(y - 0.5, 0), height - 1)
            left, top = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            upper = values[top, left] * (1 - (x - left)) + values[top, right] * (x - left)
            lower = values[bottom, left] * (1 - (x - left)) + values[bottom, right] * (x - left)
            target[row, column] = upper * (1 - (y - top)) + lower * (y - top)
    return target


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)


def rotation(angle_deg: float) -> np.ndarray:
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def test_identity_is_exact():
    values = noise(7, 11)
    np.testing.assert_array_equal(resample(values, np.eye(3), (7, 11)), values)


def test_flips_and_quarter_turns_are_exact():
    values = noise(7, 11)
    mirrored = resample(values, translation(11, 0) @ scaling(-1, 1), (7, 11))
    np.testing.assert_array_equal(mirrored, values[:, ::-1])
    upside_down = resample(values, translation(0, 7) @ scaling(1, -1), (7, 11))
    np.testing.assert_array_equal(upside_down, values[::-1])
    transposed = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(resample(values, transposed, (11, 7)), values.T)


def test_shift_by_whole_pixels_is_exact_and_zero_outside():
    values = noise(5, 6) + 10
    shifted = resample(values, translation(2, -1), (5, 6))
    np.testing.assert_array_equal(shifted[:4, 2:], values[1:, :4])
    assert not shifted[4].any()
    assert not shifted[:, :2].any()


@pytest.mark.parametrize(
    "to_target",
    [
        scaling(2, 3),
        scaling(0.4, 0.7),
        scaling(40 / 7, 30 / 5),
        translation(1.3, -0.6),
        translation(12, 9) @ rotation(17) @ translation(-6, -4),
        translation(30, 0) @ scaling(-1.7, 2.2) @ rotation(-64),
        np.array([[1.2, 0.4, -2], [0.1, 0.8, 3], [0, 0, 1]]),
    ],
    ids=["enlarged", "shrunk", "7x5 on a film", "shifted", "rotated", "mirrored and rotated", "sheared"],
)
def test_resample_equals_the_slow_reference(to_target):
    values = noise(9, 13)
    np.testing.assert_allclose(resample(values, to_target, (24, 31)), reference(values, to_target, (24, 31)), atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.floats(-180, 180),
    st.floats(0.3, 4),
    st.floats(0.3, 4),
    st.floats(-5, 5),
    st.floats(-5, 5),
)
def test_resample_equals_the_slow_reference_anywhere(height, width, angle, sx, sy, dx, dy):
    values = noise(height, width, seed=height * width)
    to_target = translation(dx, dy) @ rotation(angle) @ scaling(sx, sy)
    centres = np.stack([*np.meshgrid(np.arange(9) + 0.5, np.arange(8) + 0.5), np.ones((8, 9))])
    x, y, _ = np.tensordot(np.linalg.inv(to_target), centres, axes=1)
    # where a centre falls on the very edge, rounding decides whether it is reached
    clear = np.minimum.reduce([abs(x), abs(y), abs(x - width), abs(y - height)]) > 1e-6
    ours, plain = resample(values, to_target, (8, 9)), reference(values, to_target, (8, 9))
    np.testing.assert_allclose(ours[clear], plain[clear], atol=5e-6)


def test_corner_pixels_keep_their_values_when_enlarged():
    """A quarter of a pixel beyond the outermost centres nothing is known: the edge goes on, it does not fade."""
    values = np.array([[1, 2], [3, 4]], dtype=np.float32)
    drawn = resample(values, scaling(4, 4), (8, 8))
    assert [drawn[0, 0], drawn[0, -1], drawn[-1, 0], drawn[-1, -1]] == [1, 2, 3, 4]


def test_one_pixel_fills_its_square_and_nothing_else():
    drawn = resample(np.ones((1, 1), np.float32), translation(3, 2) @ scaling(4, 5), (10, 10))
    expected = np.zeros((10, 10))
    expected[2:7, 3:7] = 1
    np.testing.assert_array_equal(drawn, expected)


def test_enlarging_agrees_with_torch():
    torch = pytest.importorskip("torch")
    values = noise(7, 5)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=(32, 24), mode="bilinear", align_corners=False
    )[0, 0]
    ours = resample(values, scaling(24 / 5, 32 / 7), (32, 24))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-6)


def test_signs_survive():
    assert resample(np.full((3, 3), -2.0, np.float32), scaling(2, 2), (6, 6)).max() == -2.0
