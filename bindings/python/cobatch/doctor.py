"""The doctor: what is wrong with a workspace, or with what runs its tasks, and what helps."""

from __future__ import annotations

from ctypes import byref

from . import _values
from ._replies import listed
from .records import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


def diagnose(
    root: str | os.PathLike[str] = ".", state: str | os.PathLike[str] | None = None, *, batch: str | None = None
) -> tuple[Finding, ...]:
    """Looks at the workspace in folder `root` before a batch: folders, disk, store, clock, JSON files, lock, engines,
    and the batches that wait. With `batch`, also at what came of that one.

    No workspace needs to be open, nothing is made where nothing is, and nothing that is damaged is touched, so it may
    be called while a session runs. What cannot be looked at is a finding. Raises BadId.
    """
    return tuple(listed(Finding, "cobatch_diagnose", byref(_values.place(root, state)), _values.text(batch)))


def diagnose_agents(
    root: str | os.PathLike[str] = ".", state: str | os.PathLike[str] | None = None
) -> tuple[Finding, ...]:
    """Looks at what runs tasks: the keeper, the agent programs in PATH (each is started with `--version`, for at most
    20 seconds), who would pay for them, and whether this process was started by an agent. That there is no such program
    is not held against the workspace in folder `root` if an engine runs in it. No secret is in what it says.

    No other thread may change the environment meanwhile.
    """
    return tuple(listed(Finding, "cobatch_diagnose_agents", byref(_values.place(root, state))))
