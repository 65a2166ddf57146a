"""Files that go from the kernel into the reader's downloads: no folder on the server, no network."""

from pathlib import Path

import anywidget


class Download(anywidget.AnyWidget):
    """Lies unseen in a dashboard and hands files to the browser, in JupyterLab and voila alike."""

    _esm = Path(__file__).with_name("download.js")

    def give(self, name: str, content: bytes, *, media_type: str = "application/octet-stream") -> None:
        """Save ``content`` as a file of this name where the reader's browser saves files."""
        self.send({"name": name, "type": media_type}, [content])
