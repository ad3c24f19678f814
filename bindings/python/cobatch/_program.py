"""The program `cobatch` that the wheel carries, which need not be in PATH."""

from __future__ import annotations

import os
import shlex

SITE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _path() -> str | None:
    """None if this package did not come as a wheel."""
    from importlib import metadata  # costs more than all of this package's import

    try:
        files = metadata.files("cobatch") or ()
    except metadata.PackageNotFoundError:
        return None
    # Where it was put is known to the installer alone; its list is relative to where the package is.
    for file in files:
        path = os.path.normpath(os.path.join(SITE, file))
        if file.name == "cobatch" and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def call_command() -> str | None:
    """How a shell calls with it; None where it is not there."""
    path = _path()
    return f"{shlex.quote(path)} call" if path else None
