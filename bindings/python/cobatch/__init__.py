"""Cobatch: runs a batch of coding-agent tasks in one session, so that the context they share is loaded once.

    import cobatch

    with cobatch.open() as ws:
        with ws.batch() as batch:
            batch.assign("doc_1", "Document feature A")
            batch.assign("doc_2", "Document feature B")
        ws.run(cobatch.claude())
        for result in ws.results(batch=batch.id):
            print(result.task, result.state, result.output)

Begin at `Workspace`, and at `Agent` for an agent of your own. The log is the logger "cobatch".
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ._public import *


def _everything() -> ModuleType:
    """Loads the package when it is first used: to import it costs next to nothing."""
    from importlib import import_module

    return import_module("._public", __name__)


def __getattr__(name: str) -> Any:
    public = name == "__all__" or not name.startswith("_")
    value = getattr(_everything(), name, None) if public else None
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    names: list[str] = _everything().__all__
    return names
