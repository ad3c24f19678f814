"""libcobatch: found, checked and loaded when it is first needed."""

from __future__ import annotations

import ctypes
import json
import os

from . import _abi
from ._values import string
from .errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE_NAME = "libcobatch.so.0"


def _candidates() -> list[str]:
    """Where to look: what the environment names, and nothing else then; or beside this package, then the system."""
    named = os.environ.get("COBATCH_LIBRARY")
    if named:
        return [named]
    return [os.path.join(os.path.dirname(os.path.abspath(__file__)), "_lib", FILE_NAME), FILE_NAME]


def _load() -> ctypes.CDLL:
    failures = []
    for path in _candidates():
        try:
            return _checked(ctypes.CDLL(path), path)
        except (OSError, AttributeError) as error:  # none there; or another library, without our functions
            failures.append(f"{path}: {error}")
    raise ImportError(
        "the Cobatch library was not found; install it, or name it in the variable COBATCH_LIBRARY. Tried:\n  "
        + "\n  ".join(failures)
    )


def _checked(loaded: ctypes.CDLL, path: str) -> ctypes.CDLL:
    version = loaded.cobatch_abi_version()
    if version < _abi.COBATCH_ABI_VERSION:
        raise ImportError(
            f"{path} has ABI version {version}, and this package needs {_abi.COBATCH_ABI_VERSION} or later: "
            "install a newer library, or an older package"
        )
    return loaded


class _Library:
    """The functions of the library as attributes, each looked up at its first use."""

    def __getattr__(self, name: str) -> Any:
        if name == "_loaded":
            self._loaded = _load()
            return self._loaded
        function = getattr(self._loaded, name)
        if name in _abi.FALLIBLE:
            function.restype, function.argtypes = ctypes.c_int32, (*_abi.FALLIBLE[name], _abi.OUT)
        else:
            function.restype, function.argtypes = _abi.INFALLIBLE[name]
        setattr(self, name, function)
        return function


lib: Any = _Library()


def call(name: str, *arguments: Any) -> bool:
    """Calls a function that can fail, and raises its error; False is COBATCH_E_END: there is nothing more."""
    err = _abi.HANDLE()
    status = getattr(lib, name)(*arguments, ctypes.byref(err))
    if status in (_abi.COBATCH_OK, _abi.COBATCH_E_END):
        return bool(status == _abi.COBATCH_OK)
    code = lib.cobatch_status_name(status).decode()
    try:
        raise Error.of(code, string(lib.cobatch_error_message(err)) or code)
    finally:
        lib.cobatch_error_free(err)


def owned(text: Any) -> str:
    """What the library gave away; frees it."""
    try:
        return string(text) or ""
    finally:
        lib.cobatch_text_free(ctypes.byref(text))


def version() -> str:
    """Of the library that was loaded, such as "0.1.0"."""
    text: bytes = lib.cobatch_version()
    return text.decode()


def supported_actions() -> Any:
    """Every action of `Workspace.call` with its parameters."""
    text = _abi.cobatch_owned_text()
    call("cobatch_supported_actions", ctypes.byref(text))
    return json.loads(owned(text))
