"""The errors a user may see. Each message is one line: what was wrong, what was given, what would do."""

from dataclasses import dataclass


class WorkbenchError(Exception):
    """Whatever the workbench refuses; the command line prints it as one line, without a traceback."""


class OptionError(WorkbenchError, ValueError):
    """An option or parameter is unknown, of the wrong type, or out of its range."""


class UnknownNameError(WorkbenchError, LookupError):
    """A name that no registry knows; the message offers the nearest one."""


class ReaderError(WorkbenchError):
    """A file that cannot be read as what it should be; the batch goes on without it."""


class ManifestError(WorkbenchError):
    """A manifest that cannot be used as a whole (header, columns, no usable row)."""


class ModelError(WorkbenchError):
    """A model, checkpoint or weights file that cannot be used."""


class MethodRefusedError(WorkbenchError):
    """An attribution method that would give a wrong map on this model; the message names one that works."""


class RunError(WorkbenchError):
    """A run that cannot be created, read or executed."""


class ReportError(WorkbenchError):
    """A report that cannot be written so that it shows everything without a network."""


@dataclass(frozen=True)
class Skipped:
    """Something found but not used, and why: found = used + skipped."""

    what: str
    """The file, or ``file:line`` of a table."""
    reason: str
    """One line without a full stop."""

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"
