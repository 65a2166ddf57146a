"""The radiograph viewer as a widget: films and maps go out as bytes, what a reader draws and presses comes back."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import anywidget
import traitlets
from typing_extensions import override

from workbench.core.annotation import Annotation
from workbench.core.errors import OptionError
from workbench.plots.viewer.content import FilmView, MapLayer, Mark
from workbench.plots.viewer.encoding import colormap_contents, layer_contents, mark_contents, view_state
from workbench.plots.viewer.poster import poster
from workbench.plots.viewer.static import MODULE, STYLE

TOOLS = ("window", "pan", "box", "polygon")
REGION = "region"
"""The category of what a reader has drawn."""
MOST_CORNERS = 10_000
"""More than anybody clicks; bounds what is taken from the browser."""

Step = Callable[[int], None]
Press = Callable[[str], None]


class FilmViewer(anywidget.AnyWidget):
    """One film with its maps and marks, and what the reader does with it.

    Window, zoom, colours, opacity, threshold and drawing run in the browser, also while the kernel is busy. The
    traits below travel both ways; use :meth:`show`, :meth:`show_layers` and :meth:`show_marks` for what is heavy.
    """

    _esm = MODULE
    _css = STYLE

    film: "traitlets.Dict[str, Any]" = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    layers: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    marks: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    colormaps = traitlets.Dict().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)
    """A sentence in the middle of the stage: why there is no film."""

    layer = traitlets.Int(0, min=0).tag(sync=True)
    """Which of the layers is shown."""
    colormap = traitlets.Unicode("").tag(sync=True)
    """The reader's choice; empty is the layer's own."""
    visible = traitlets.Bool(True).tag(sync=True)
    opacity = traitlets.Float(None, allow_none=True, min=0, max=1).tag(sync=True)
    """None until the reader moves the slider: then the colour map's own."""
    threshold = traitlets.Float(0.0, min=0, max=1).tag(sync=True)
    """Share of the scale's greatest magnitude below which the map is hidden."""

    window = traitlets.List(traitlets.Float(), [0.0, 1.0], minlen=2, maxlen=2).tag(sync=True)
    home_window = traitlets.List(traitlets.Float(), [0.0, 1.0], minlen=2, maxlen=2).tag(sync=True)
    """What a reset goes back to."""
    invert = traitlets.Bool(False).tag(sync=True)

    tool = traitlets.Enum(TOOLS, "window").tag(sync=True)
    drawn: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    """Regions as ``{"kind": "box" or "polygon", "corners": [[x, y], ...]}``; :attr:`regions` is the checked form."""
    selected = traitlets.Int(-1, min=-1).tag(sync=True)
    """Which of them the reader has chosen, -1 for none."""

    link_group = traitlets.Unicode("").tag(sync=True)
    """Viewers of one group share zoom, window and how their maps are laid on."""
    height_px = traitlets.Int(520, min=120, max=4000).tag(sync=True)
    stepping = traitlets.Bool(False).tag(sync=True)
    """Whether arrows and Page keys ask for the previous and next case; :meth:`on_step` turns it on."""
    extra_keys: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    """Further keys as ``{"key": "r", "label": "right reason"}``; :meth:`on_key` sets them."""
    wheel_needs_focus = traitlets.Bool(False).tag(sync=True)
    theme = traitlets.Enum(("auto", "light", "dark"), "auto").tag(sync=True)

    def __init__(self, view: FilmView | None = None, **traits: Any) -> None:
        super().__init__(colormaps=colormap_contents(), **traits)
        self._shown = view
        self._steps: list[Step] = []
        self._presses: list[Press] = []
        self.on_msg(self._heard)
        if view is not None:
            self.show(view)

    def show(self, view: FilmView) -> None:
        """Show a film in place of the one before, in one message that holds only what differs.

        While the view's key stays the same, the reader's zoom, window and drawn regions stay too.

        Parameters
        ----------
        view
            What to show.
        """
        state = view_state(view)
        if self.film is not None and self.film["key"] == state["film"]["key"]:
            del state["window"]
        else:
            state |= {"drawn": [], "selected": -1}
        self._shown = view
        with self.hold_sync():
            self.message = ""
            self.layer = min(self.layer, max(len(view.layers) - 1, 0))
            for name, value in state.items():
                setattr(self, name, value)

    def show_layers(self, layers: Sequence[MapLayer]) -> None:
        """Lay other maps over the film that is shown; the film is not sent again."""
        if self._shown is None:
            raise OptionError("no film is shown that maps could be laid over; call show first")
        contents = layer_contents(layers)
        self._shown = replace(self._shown, layers=tuple(layers))
        with self.hold_sync():
            self.layer = min(self.layer, max(len(contents) - 1, 0))
            self.layers = contents

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Outline other things on the film that is shown."""
        if self._shown is None:
            raise OptionError("no film is shown on which something could be outlined; call show first")
        self._shown = replace(self._shown, marks=tuple(marks))
        self.marks = mark_contents(marks)

    def clear(self, message: str = "") -> None:
        """Take the film away and say why, in a sentence for the reader."""
        self._shown = None
        with self.hold_sync():
            self.set_trait("film", None)
            self.layers, self.marks, self.drawn = [], [], []
            self.title, self.selected, self.message = "", -1, message

    @property
    def regions(self) -> tuple[Annotation, ...]:
        """What the reader has drawn, in whole film pixels: boxes, and polygons with their outline as mask."""
        return tuple(_annotation(region) for region in self.drawn)

    @property
    def selected_region(self) -> Annotation | None:
        """The region that the reader has chosen."""
        return self.regions[self.selected] if 0 <= self.selected < len(self.drawn) else None

    def on_step(self, act: Step) -> None:
        """Call ``act`` with -1 or 1 when the reader asks for the previous or the next case."""
        self._steps.append(act)
        self.stepping = True

    def on_key(self, keys: dict[str, str], act: Press) -> None:
        """Call ``act`` with the key when one of ``keys`` (key -> what it does, for the help) is pressed on the film."""
        self._presses.append(act)
        added = [{"key": key, "label": label} for key, label in keys.items()]
        self.extra_keys = [*(each for each in self.extra_keys if each["key"] not in keys), *added]

    def poster(self) -> bytes:
        """Return what is shown as PNG; an OptionError where no film is shown."""
        if self._shown is None:
            raise OptionError("no film is shown, so that there is no picture of it; call show first")
        return poster(self._shown)

    @traitlets.validate("drawn")
    def _check_drawn(self, proposal: Any) -> list[dict[str, Any]]:
        return [_checked_region(region) for region in proposal["value"]]

    def _heard(self, _widget: object, content: Any, _buffers: object) -> None:
        event = content.get("event") if isinstance(content, dict) else None
        if event == "step" and content.get("by") in (-1, 1):
            for step in self._steps:
                step(content["by"])
        elif event == "key" and content.get("key") in {each["key"] for each in self.extra_keys}:
            for press in self._presses:
                press(content["key"])

    @override
    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Add the picture for whoever has no kernel: an untrusted notebook, a mail, a report."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None or self._shown is None:
            return bundle
        data, metadata = cast("tuple[dict[str, Any], dict[str, Any]]", bundle)
        return data | {"image/png": base64.b64encode(self.poster()).decode()}, metadata


def _checked_region(region: Any) -> dict[str, Any]:
    """Return what a browser says was drawn, in whole numbers; refuse anything else."""
    kind = region.get("kind") if isinstance(region, dict) else None
    corners = region.get("corners") if isinstance(region, dict) else None
    wanted = {"box": range(2, 3), "polygon": range(3, MOST_CORNERS)}.get(str(kind), range(0))
    if not (isinstance(corners, list) and len(corners) in wanted):
        raise traitlets.TraitError(f"drawn region {str(region)[:80]!r}; wanted a box of 2 corners or a polygon of 3")
    try:
        whole = [[_whole(x), _whole(y)] for x, y in corners]
    except (TypeError, ValueError, OverflowError) as error:
        raise traitlets.TraitError(f"corners of a drawn {kind}: {error}; wanted pairs of whole film pixels") from error
    return {"kind": kind, "corners": whole}


def _whole(number: Any) -> int:
    if isinstance(number, bool) or int(number) != number:
        raise ValueError(f"{number!r} is not a whole number")
    return int(number)


def _annotation(region: dict[str, Any]) -> Annotation:
    xs, ys = zip(*region["corners"], strict=True)
    box = (min(xs), min(ys), max(xs), max(ys))
    outline = None if region["kind"] == "box" else [[side for corner in region["corners"] for side in corner]]
    return Annotation(REGION, box, outline, "reviewed")
