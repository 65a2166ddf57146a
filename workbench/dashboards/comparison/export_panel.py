"""What a comparison leaves behind: the listed films, tables and figures, as a download or in a folder."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from workbench.core.files import safe_name, write_bytes
from workbench.core.manifest import write_manifest
from workbench.core.progress import Progress
from workbench.dashboards.background import Background
from workbench.dashboards.comparison.parts import quiet_html
from workbench.dashboards.comparison.state import ComparisonState
from workbench.dashboards.download import Download
from workbench.plots.charts_page import charts_page
from workbench.runs.locations import output_folder

Files = dict[str, bytes]
"""By relative POSIX path."""
HOLDS = (
    "The listed films as CSV and as a manifest of its own, the tables, the charts as one page that needs no network, "
    "and the films that are shown as PNG. Each chart can be saved as PNG or SVG by its own toolbar."
)


class ExportPanel:
    """Two buttons: hand the files to the browser, or write them into a folder beside the runs.

    Parameters
    ----------
    state
        Of the comparison.
    charts
        Returns the figures that are shown, by name.
    pictures
        Returns the films that are shown as PNG, by name.
    tables
        Returns further tables as CSV, by name.
    """

    def __init__(
        self,
        state: ComparisonState,
        *,
        charts: Callable[[], Mapping[str, Any]],
        pictures: Callable[[], Mapping[str, bytes]],
        tables: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.state = state
        self._charts, self._pictures, self._tables = charts, pictures, tables
        self.download = Download()
        self.work = Background()
        self.said = widgets.HTML()
        self.give = widgets.Button(description="Download", icon="download", tooltip="one ZIP file")
        self.keep = widgets.Button(description="Write to a folder", icon="folder-open-o", layout={"width": "170px"})
        self.selection = widgets.Button(description="Film list (CSV)", icon="list", layout={"width": "150px"})
        self.give.on_click(lambda _button: self.start(self._give))
        self.keep.on_click(lambda _button: self.start(self._keep))
        self.selection.on_click(lambda _button: self._give_selection())
        buttons = widgets.HBox([self.give, self.selection, self.keep, self.work.widget])
        self.widget = widgets.VBox([buttons, self.said, widgets.HTML(quiet_html(HOLDS)), self.download])

    def start(self, then: Callable[[Files], None]) -> None:
        """Make the files in the background and do something with them."""
        self.said.value = ""
        self.work.start(self.files, then, words="writing files")

    def files(self, progress: Progress | None = None) -> Files:
        """Return everything that is exported."""
        steps: list[Callable[[], Files]] = [
            lambda: {"films.csv": self.selection_csv()},
            self._manifest,
            lambda: {f"tables/{name}.csv": _csv(frame) for name, frame in self._tables().items()},
            self._page,
            lambda: {f"films/{safe_name(name)}.png": content for name, content in self._pictures().items()},
        ]
        files: Files = {}
        for done, step in enumerate(steps, start=1):
            files |= step()
            if progress:
                progress(done, len(steps))
        return files

    def selection_csv(self) -> bytes:
        """Return the listed films with what the models say of them."""
        return bytes(self.state.rows.to_csv(index=False).encode())

    def _manifest(self) -> Files:
        ids = list(self.state.rows["case_id"])
        if not ids:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            write_manifest(self.state.compared.films.select(ids), Path(folder) / "selection.csv")
            return {f"manifest/{path.name}": path.read_bytes() for path in sorted(Path(folder).iterdir())}

    def _page(self) -> Files:
        charts = self._charts()
        return {"charts.html": charts_page(charts, title="Models compared").encode()} if charts else {}

    def _give_selection(self) -> None:
        self.download.give("films.csv", self.selection_csv(), media_type="text/csv")

    def _give(self, files: Files) -> None:
        self.download.give("comparison.zip", packed(files), media_type="application/zip")

    def _keep(self, files: Files) -> None:
        folder = output_folder("", "compare")
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / name, content)
        self.said.value = f"{len(files)} files lie in {escape(str(folder))}"


def packed(files: Files) -> bytes:
    """Return files as one ZIP."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in files.items():
            archive.writestr(name, each)
    return content.getvalue()


def _csv(frame: Any) -> bytes:
    return bytes(frame.to_csv().encode())
