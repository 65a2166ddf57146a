"""One way to register and find things by name: methods, models, criteria, measures."""

import difflib
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from workbench.core.errors import OptionError, UnknownNameError
from workbench.core.options import options_of

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

LISTED = 400
"""Most characters of a list of known names: every method fits, hundreds of runs would hide the error."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that is not known, with the nearest one or the list, cut where it is long."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.4)
    listed = textwrap.shorten(", ".join(names), LISTED, placeholder=" ...")
    offer = f"did you mean {near[0]!r}?" if near else f"known: {listed}"
    return UnknownNameError(f"no {kind} is called {name!r}; {offer}")


class Registry(Generic[T]):
    """Named factories of one kind; names are lower case with hyphens, as in the papers.

    Parameters
    ----------
    kind
        What the entries are, in the singular, for messages: ``"method"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[F], F]:
        """Return a decorator that files a class or function under ``name``."""

        def add(entry: F) -> F:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def get(self, name: str) -> Callable[..., T]:
        """Return the entry called ``name``; an UnknownNameError offers the nearest one where there is none."""
        if name not in self._entries:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]

    def make(self, name: str, **options: Any) -> T:
        """Build the entry called ``name``.

        Parameters
        ----------
        name
            As it was registered.
        **options
            What the entry declares by :func:`workbench.core.options.option`; the others keep their defaults.

        Returns
        -------
        T
            A new one at every call.

        Raises
        ------
        UnknownNameError
            No such entry.
        OptionError
            An option that the entry does not have, or a value that it refuses.
        """
        entry = self.get(name)
        if isinstance(entry, type):
            known = [each.name for each in options_of(entry)]
            for given in options:
                if given not in known:
                    raise OptionError(str(unknown_name(f"option of {name}", given, known)))
        return entry(**options)

    def names(self) -> tuple[str, ...]:
        """Return every name in the order of registration."""
        return tuple(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
