"""Forms beside the cases of a report, in which a reader without a kernel gives verdicts and downloads them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Protocol, runtime_checkable

from workbench.core.arrays import Json
from workbench.core.errors import ReportError
from workbench.runs.reviews import MOST_TEXT, VERDICTS

VERDICT_MIME = "application/vnd.radiograph-workbench.verdict+json"
"""Under this name a notebook's output says on what a verdict is asked."""


@runtime_checkable
class Judged(Protocol):
    """A model as far as a verdict must know it; so the export of a report need not load torch."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where its weights come from."""
        ...


@dataclass(frozen=True)
class VerdictForm:
    """Asks a report's reader whether the model was right for the right reason; in a notebook only a line of text.

    Parameters
    ----------
    case_id
        Of the film.
    manifest
        Name of the data set.
    weights_sha256
        Of the model whose reason is judged.
    """

    case_id: str
    manifest: str = ""
    weights_sha256: str = ""

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        words = f"Verdict on {self.case_id}: give it in the report of this notebook, or in the case explorer."
        return {VERDICT_MIME: asdict(self), "text/plain": words}


def ask_verdict(classifier: Judged, manifest_name: str, case_id: str) -> VerdictForm:
    """Return the form that asks for a verdict on one film and this model."""
    return VerdictForm(case_id, manifest_name, str(classifier.provenance.get("weights_sha256", "")))


def form_html(content: Json, where: str) -> str:
    """Return the form for what a notebook's output says; the page's own script brings it to life.

    Parameters
    ----------
    content
        ``case_id``, ``manifest`` and ``weights_sha256``.
    where
        What the output is, for the message.

    Returns
    -------
    str
        HTML in which every text from data is escaped; hidden where no script runs.

    Raises
    ------
    ReportError
        The content is another one.
    """
    names = tuple(VerdictForm.__dataclass_fields__)
    known = isinstance(content, dict) and set(content) == set(names)
    if not known or not all(isinstance(value, str) for value in content.values()):
        raise ReportError(f"{where}: does not say on what a verdict is asked; wanted texts {', '.join(names)}")
    about = " ".join(f'data-{name.replace("_", "-")}="{escape(content[name])}"' for name in names)
    choices = "".join(
        f'<label><input type="radio" value="{verdict}"> {verdict.capitalize()} <kbd>{verdict_key}</kbd></label>'
        for verdict_key, verdict in KEYS.items()
    )
    return (
        f'<section class="verdict" hidden {about}><fieldset>'
        f"<legend>Your verdict on <b>{escape(content['case_id'])}</b></legend>{choices}"
        f'<label class="wide">Note <input type="text" name="note" maxlength="{MOST_TEXT}"></label>'
        f'<label>Tags <input type="text" name="tags" maxlength="500" placeholder="comma between"></label>'
        '<output aria-live="polite"></output></fieldset></section>'
    )


KEYS = dict(zip(("r", "x", "u"), VERDICTS, strict=True))
"""As in the case explorer."""
