"""What several tests of importers share."""

from pathlib import Path

import pytest

from workbench.core.manifest import Manifest
from workbench.data.importers.fracatlas import import_fracatlas


@pytest.fixture(scope="session")
def real(shared_data: Path) -> Manifest:
    """Return the manifest of the real FracAtlas films, imported once."""
    return import_fracatlas(shared_data / "FracAtlas-subset", split_file=shared_data / "fracatlas_split.csv")
