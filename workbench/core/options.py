"""Options are dataclass fields declared once: check, command-line flag, docs and provenance all follow from them."""

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

from workbench.core.errors import OptionError


@dataclass(frozen=True)
class Option:
    """What one declared option allows."""

    name: str
    default: Any
    help: str
    low: int | float | None = None
    high: int | float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""


def option(
    default: Any,
    help: str,  # noqa: A002 - the field's own word, as in argparse and typer
    *,
    low: int | float | None = None,
    high: int | float | None = None,
    choices: tuple[Any, ...] = (),
    unit: str = "",
) -> Any:
    """Declare a dataclass field that carries its own help, bounds (both allowed), choices and unit."""
    about = {"help": help, "low": low, "high": high, "choices": choices, "unit": unit}
    return dataclasses.field(default=default, metadata={"option": about})


@cache
def options_of(cls: type) -> tuple[Option, ...]:
    """List the options that a dataclass declares, in order."""
    return tuple(
        Option(name=field.name, default=field.default, **field.metadata["option"])
        for field in dataclasses.fields(cls)
        if "option" in field.metadata
    )


def option_values(instance: Any) -> dict[str, Any]:
    """Return the options of an instance as a plain dictionary, for provenance."""
    owner: Any = type(instance)
    return {each.name: getattr(instance, each.name) for each in options_of(owner)}


def check_options(instance: Any) -> None:
    """Refuse values of the wrong type, out of range or not among the choices.

    Parameters
    ----------
    instance
        Of a dataclass with :func:`option` fields; its ``__post_init__`` calls this.

    Raises
    ------
    OptionError
        Names the option, the value given and what would do.
    """
    declaring: Any = type(instance)
    owner = declaring.__name__
    for each in options_of(declaring):
        value = getattr(instance, each.name)
        _check_type(owner, each, value)
        if each.choices and value not in each.choices:
            allowed = ", ".join(map(str, each.choices))
            raise OptionError(f"{owner}.{each.name}: {value!r} is not one of {allowed}")
        if each.low is not None and value is not None and value < each.low:
            raise OptionError(f"{owner}.{each.name}: {value!r} is below {each.low}{each.unit}")
        if each.high is not None and value is not None and value > each.high:
            raise OptionError(f"{owner}.{each.name}: {value!r} is above {each.high}{each.unit}")


def _check_type(owner: str, each: Option, value: Any) -> None:
    wanted = type(each.default)
    if wanted is type(None):
        return
    fits = isinstance(value, wanted) and not (wanted is not bool and isinstance(value, bool))
    fits = fits or (wanted is float and isinstance(value, int) and not isinstance(value, bool))
    if not fits or (isinstance(value, float) and value != value):  # NaN passes every bound
        raise OptionError(
            f"{owner}.{each.name}: {value!r} is a {type(value).__name__}, "
            f"wanted {wanted.__name__} such as {each.default!r}"
        )
