"""HTML from notebooks made harmless: what is not known is shown as text, what asks for a file is refused.

The result is built only from a fixed list of tags and attributes and from escaped text, so that data cannot add
anything else; the page's Content-Security-Policy is the second wall.
"""

import re
from html import escape
from html.parser import HTMLParser

from typing_extensions import override

from workbench.core.errors import ReportError

VOID_TAGS = frozenset(
    "br circle col ellipse hr img line path polygon polyline rect wbr".split()  # noqa: SIM905 - words read better
)
TAGS = VOID_TAGS | frozenset(
    """
    a abbr b blockquote caption cite code colgroup dd del details dfn div dl dt em figcaption figure g h1 h2 h3 h4 h5 h6
    i ins kbd li mark ol p pre q s samp section small span strong style sub summary sup svg table tbody td text tfoot th
    thead tr tspan u ul var
    """.split()  # noqa: SIM905 - words read better
)
ATTRIBUTES = frozenset(
    """
    align alt aria-hidden aria-label border class colspan cx cy d dir dx dy fill fill-opacity font-size height id lang
    open points preserveaspectratio r role rowspan rx ry scope span src start stroke stroke-dasharray stroke-linecap
    stroke-linejoin stroke-opacity stroke-width style text-anchor title transform valign viewbox width x x1 x2 y y1 y2
    """.split()  # noqa: SIM905 - words read better
)
FETCHING = frozenset({"src", "srcset", "poster", "data", "background", "xlink:href", "formaction", "action"})
LINK = re.compile(r"(https?:|mailto:|#)", re.IGNORECASE)
EMBEDDED = re.compile(r"data:image/[a-z.+-]+[;,]", re.IGNORECASE)
STYLE_FETCH = re.compile(r"@import|url\(\s*['\"]?(?!data:)|\\", re.IGNORECASE)
"""Backslashes too: they would hide the words from this check, and no output of ours needs them."""


def harmless_html(html: str, where: str) -> str:
    """Return HTML that runs nothing, asks for nothing and closes whatever it opens.

    Parameters
    ----------
    html
        From a notebook: markdown already rendered, or an output.
    where
        What the HTML is, for the message.

    Returns
    -------
    HTML of known tags and attributes. Unknown tags, scripts among them, are shown as the text that they are;
    event handlers and unknown attributes are left out.

    Raises
    ------
    ReportError
        Something in it would have to be fetched: a picture, script, style or frame that is not embedded.
    """
    cleaner = _Cleaner(where)
    cleaner.feed(html)
    cleaner.close()
    return cleaner.result()


class _Cleaner(HTMLParser):
    def __init__(self, where: str) -> None:
        super().__init__(convert_charrefs=True)
        self._where = where
        self._open: list[str] = []
        self._parts: list[str] = []

    def result(self) -> str:
        """Return what was fed, with every open tag closed."""
        return "".join(self._parts) + "".join(f"</{tag}>" for tag in reversed(self._open))

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._check_fetches(tag, attrs)
        if tag not in TAGS:
            self._parts.append(escape(self.get_starttag_text() or f"<{tag}>", quote=False))
            return
        kept = "".join(f' {name}="{escape(value or "")}"' for name, value in attrs if self._is_kept(tag, name, value))
        self._parts.append(f"<{tag}{kept}>" if tag not in VOID_TAGS else f"<{tag}{kept}/>")
        if tag not in VOID_TAGS:
            self._open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag not in TAGS:
            self._parts.append(escape(f"</{tag}>", quote=False))
        elif tag in self._open:  # a stray end tag could close an element of the page
            while (last := self._open.pop()) != tag:
                self._parts.append(f"</{last}>")
            self._parts.append(f"</{tag}>")

    @override
    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self._check_style(data)
            self._parts.append(data.replace("<", ""))  # text of <style> cannot be escaped, only kept from ending it
        else:
            self._parts.append(escape(data, quote=False))

    def _is_kept(self, tag: str, name: str, value: str | None) -> bool:
        if name == "href":
            return tag == "a" and LINK.match((value or "").strip()) is not None
        return name in ATTRIBUTES

    def _check_fetches(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            fetches = name in FETCHING or (name == "href" and tag != "a")
            if fetches and value and not EMBEDDED.match(value.strip()):
                raise ReportError(
                    f"{self._where}: <{tag} {name}={_short(value)!r}> would have to be fetched; "
                    "a report shows only what it carries, embed it as data:"
                )
            if name == "style" and value:
                self._check_style(value)

    def _check_style(self, style: str) -> None:
        found = STYLE_FETCH.search(style)
        if found:
            near = _short(style[found.start() :])
            raise ReportError(f"{self._where}: the style {near!r} may fetch something; a report asks for nothing")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
