"""The viewer without a browser: state in, state out."""

from collections.abc import Iterator
from typing import Any

import comm
import numpy as np
import pytest
import traitlets

from workbench.core.errors import OptionError
from workbench.dashboards.viewer import FilmViewer
from workbench.plots.viewer.content import FilmView, MapLayer, Mark

BOX = {"kind": "box", "corners": [[2, 3], [10, 12]]}
POLYGON = {"kind": "polygon", "corners": [[2, 3], [10, 3], [10, 12]]}


class Line:
    """A kernel's line to the browser that keeps what is sent."""

    kernel = "a kernel"
    comm_id = "line"

    def __init__(self, sent: list[dict[str, Any]], **opened: Any) -> None:
        self.sent = sent
        self.sent.append({"state": opened["data"]["state"], "buffers": opened["buffers"]})

    def send(self, data: dict[str, Any], buffers: list[Any] | None = None, **_: Any) -> None:
        self.sent.append({**data, "buffers": buffers or []})

    def on_msg(self, _: Any) -> None: ...

    def close(self, *_: Any, **__: Any) -> None: ...


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Return the messages to the browser, in order."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(comm, "create_comm", lambda **opened: Line(messages, **opened))
    yield messages
    FilmViewer.close_all()


def film(seed: int = 0, side: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side)).astype(np.uint8)


def layer(value: float = 1.0, title: str = "Grad-CAM") -> MapLayer:
    return MapLayer(np.full((5, 5), value, np.float32), np.diag([8.0, 8.0, 1.0]), (-1.0, 1.0), title)


def heavy(messages: list[dict[str, Any]]) -> list[int]:
    """Return the lengths of all buffers, message by message."""
    return [len(buffer) for message in messages for buffer in message["buffers"]]


def from_browser(viewer: FilmViewer, **state: Any) -> None:
    viewer._handle_msg({"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []})


def event(viewer: FilmViewer, **content: Any) -> None:
    viewer._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def test_a_film_is_sent_once_with_its_maps(sent: list[dict[str, Any]]) -> None:
    viewer = FilmViewer()
    sent.clear()
    viewer.show(FilmView(film(), [layer()], title="XR-1"))
    assert len(sent) == 1
    assert sorted(heavy(sent)) == [50, 1600]
    assert viewer.title == "XR-1"


def test_a_map_is_sent_without_the_film(sent: list[dict[str, Any]]) -> None:
    viewer = FilmViewer(FilmView(film(), [layer()], title="XR-1"))
    sent.clear()
    viewer.show_layers([layer(0.5), layer(0.25)])
    assert heavy(sent) == [50, 50]
    sent.clear()
    viewer.show(FilmView(film(), [layer(0.5), layer(0.25)], title="XR-1"))
    assert heavy(sent) == []  # all of this is there already


def test_what_the_reader_does_is_not_sent_back_with_bytes(sent: list[dict[str, Any]]) -> None:
    viewer = FilmViewer(FilmView(film(), [layer()]))
    sent.clear()
    from_browser(viewer, window=[0.2, 0.6], opacity=0.3, invert=True, drawn=[BOX], selected=0)
    assert (viewer.window, viewer.opacity, viewer.invert, viewer.selected) == ([0.2, 0.6], 0.3, True, 0)
    assert heavy(sent) == []


def test_regions_come_back_as_whole_film_pixels(sent: list[dict[str, Any]]) -> None:
    viewer = FilmViewer(FilmView(film()))
    from_browser(viewer, drawn=[BOX, POLYGON], selected=1)
    box, polygon = viewer.regions
    assert box.box == polygon.box == (2, 3, 10, 12)
    assert all(isinstance(side, int) for side in polygon.box)
    assert box.source == "reviewed"
    assert box.mask(40, 40).sum() == 72
    assert 20 < polygon.mask(40, 40).sum() < 60
    assert viewer.selected_region == polygon


@pytest.mark.parametrize(
    "region",
    [
        None,
        {"kind": "circle", "corners": [[1, 1], [2, 2]]},
        {"kind": "box", "corners": [[1, 1]]},
        {"kind": "box", "corners": [[1, 1.5], [2, 2]]},
        {"kind": "box", "corners": [[1, "1"], [2, 2]]},
        {"kind": "box", "corners": [[1, 1], [float("nan"), 2]]},
        {"kind": "polygon", "corners": [[1, 1], [2, 2]]},
        {"kind": "polygon", "corners": [[1, 1], [2, 2], 3]},
    ],
)
def test_what_is_no_region_is_refused(region: Any) -> None:
    viewer = FilmViewer(FilmView(film()))
    with pytest.raises(traitlets.TraitError, match="drawn"):
        viewer.drawn = [region]
    assert viewer.regions == ()


def test_another_film_clears_what_was_drawn_the_same_film_edited_does_not() -> None:
    viewer = FilmViewer(FilmView(film(), key="XR-1"))
    viewer.drawn, viewer.window = [BOX], [0.1, 0.5]
    viewer.show(FilmView(film(1), key="XR-1"))
    assert (len(viewer.regions), viewer.window) == (1, [0.1, 0.5])
    viewer.show(FilmView(film(1), key="XR-2"))
    assert (viewer.regions, viewer.window, viewer.selected) == ((), [0.0, 1.0], -1)


def test_a_choice_among_maps_stays_where_there_is_such_a_map() -> None:
    viewer = FilmViewer(FilmView(film(), [layer(), layer()], title="a"))
    viewer.layer = 1
    viewer.show(FilmView(film(1), [layer(), layer()], title="b"))
    assert viewer.layer == 1
    viewer.show_layers([layer()])
    assert viewer.layer == 0


def test_steps_and_keys_reach_their_listeners() -> None:
    viewer = FilmViewer(FilmView(film()))
    assert not viewer.stepping
    seen: list[Any] = []
    viewer.on_step(seen.append)
    viewer.on_key({"r": "right reason", "u": "unsure"}, seen.append)
    event(viewer, event="step", by=-1)
    event(viewer, event="key", key="r")
    event(viewer, event="key", key="z")
    event(viewer, event="step", by=1000)
    event(viewer, event="key", key=["r"])
    event(viewer, event="nonsense")
    assert seen == [-1, "r"]
    assert viewer.stepping
    assert viewer.extra_keys[0] == {"key": "r", "label": "right reason"}


def test_clear_says_why() -> None:
    viewer = FilmViewer(FilmView(film(), [layer()]))
    viewer.clear("XR-1.png: is empty")
    assert (viewer.film, viewer.layers, viewer.message) == (None, [], "XR-1.png: is empty")
    viewer.show(FilmView(film()))
    assert viewer.message == ""


def test_without_a_film_there_is_nothing_to_draw_on() -> None:
    viewer = FilmViewer()
    for act in (lambda: viewer.show_layers([layer()]), lambda: viewer.show_marks([]), viewer.poster):
        with pytest.raises(OptionError, match="call show first"):
            act()


def test_a_picture_lies_beneath_the_widget() -> None:
    viewer = FilmViewer(FilmView(film(), [layer()], [Mark("flag", (1, 1, 5, 5))], "XR-1"))
    data, _ = viewer._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(data)
    assert viewer.poster().startswith(b"\x89PNG")
