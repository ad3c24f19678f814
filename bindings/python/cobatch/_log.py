"""The log: the logger "cobatch" of the logging module. Silent until the program sets logging up."""

from __future__ import annotations

from functools import lru_cache

from . import _abi
from ._values import string

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any


@lru_cache(maxsize=None)
def logger() -> logging.Logger:
    import logging  # costs more than all of this package's import

    found = logging.getLogger("cobatch")
    found.addHandler(logging.NullHandler())
    return found


def _line(_user_data: Any, level: int, message: Any) -> None:
    """Takes what a workspace has to say, in whichever thread that is."""
    write = logger().warning if level == _abi.COBATCH_LOG_WARNING else logger().info
    write("%s", string(message))


log_line = _abi.LOG(_line)
