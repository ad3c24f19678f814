"""Values on their way into the library and out of it."""

from __future__ import annotations

import ctypes
import json
import math
import os

from . import _abi
from .errors import BadEncoding, BadJson, BadValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, Iterable, TypeVar

    from ._abi import cobatch_text
    from .records import Budget

    T = TypeVar("T")


def text(value: str | None) -> cobatch_text:
    """Absent for None."""
    if value is None:
        return _abi.cobatch_text()
    if not isinstance(value, str):
        raise TypeError(f"a str is needed here, not {type(value).__name__}: {value!r}")
    try:
        return _borrowed(value.encode())
    except UnicodeEncodeError as error:
        raise BadEncoding(
            "bad_encoding",
            f"the text has a surrogate ({value[error.start]!a}) at index {error.start}, which UTF-8 cannot hold; "
            "nothing was stored. Decode it properly, or replace what is broken",
        ) from None


def path(value: str | os.PathLike[str] | None) -> cobatch_text:
    return _abi.cobatch_text() if value is None else _borrowed(os.fsencode(value))


def texts(values: Iterable[str]) -> Any:
    """An array."""
    made = [text(value) for value in values]
    return (_abi.cobatch_text * len(made))(*made)


def text_list(values: Iterable[str]) -> Any:
    """As the library takes one in a struct."""
    array = texts(values)
    return _abi.cobatch_texts(array, len(array))


def sequence(values: Iterable[T]) -> tuple[T, ...]:
    """A string is not taken for a list of its characters."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"a list is needed here, not {type(values).__name__}: [{values!r}]")
    return tuple(values)


def _borrowed(data: bytes) -> cobatch_text:
    # The struct keeps the bytes alive through the pointer.
    return _abi.cobatch_text(ctypes.cast(ctypes.c_char_p(data), _abi.CHARS), len(data))


def string(text: Any) -> str | None:
    """Text of the library; None if it is absent. What is not UTF-8, such as a path, is shown as far as it can be."""
    return text.data[: text.size].decode(errors="replace") if text.size else None


def string_list(texts: Any) -> tuple[str, ...]:
    """Texts of the library."""
    return tuple(string(text) or "" for text in texts.items[: texts.count])


def json_text(value: Any) -> str | None:
    """None for None."""
    if value is None:
        return None
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise BadJson("bad_json", f"this cannot be written as JSON: {error}. Nothing was stored") from error


def nano(dollars: Any) -> int:
    """Exact: a float is the decimal that it is written as."""
    from decimal import Decimal, InvalidOperation  # costs more than all of this package's import

    try:
        amount = Decimal(str(dollars)) * 10**9
        if amount == int(amount):
            return int(amount)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise BadValue("bad_value", f"dollars with at most 9 decimals are needed here, not {dollars!r}")


def dollars(nano_dollars: int) -> Decimal:
    """Exact."""
    from decimal import Decimal  # costs more than all of this package's import

    return Decimal(nano_dollars).scaleb(-9)


def milliseconds(seconds: float | None, absent: int = 0) -> int:
    """Rounded up, so that no wait is shorter than what was asked for."""
    if seconds is None:
        return absent
    if not 0 <= seconds < 2**53:
        raise BadValue("bad_value", f"a number of seconds is needed here, not {seconds!r}; None is the default")
    return math.ceil(seconds * 1000)


def milliseconds_or_none(seconds: float | None) -> int:
    """For durations of which the library takes 0 as the default and a negative one as none at all."""
    return milliseconds(seconds) or (0 if seconds is None else -1)


def place(
    root: str | os.PathLike[str], state: str | os.PathLike[str] | None, max_tasks_per_session: int | None = None
) -> Any:
    """Where a workspace is, as the library takes it."""
    return _abi.cobatch_workspace_options(
        root=path(root), state=path(state), max_tasks_per_session=max_tasks_per_session or 0
    )


def budget(value: Budget | None) -> Any:
    """As the library takes one in a struct."""
    if value is None:
        return None
    nano_dollars, tokens, time_ms, allow_unknown = value._values
    struct = _abi.cobatch_budget(
        nano_dollars=nano_dollars, tokens=tokens, time_ms=time_ms, allow_unknown=allow_unknown
    )
    return ctypes.pointer(struct)


def time(ms: int) -> datetime | None:
    """Milliseconds since 1970 as a time in UTC."""
    from datetime import datetime, timedelta, timezone  # costs more than all of this package's import

    if ms == _abi.COBATCH_NO_TIME:
        return None
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)
