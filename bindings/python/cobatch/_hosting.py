"""An `Agent` as the library sees it: callbacks that never let an exception out."""

from __future__ import annotations

import inspect
import itertools
import threading
import traceback
from contextlib import contextmanager, suppress
from ctypes import byref

from . import _abi, _values
from ._library import call, lib
from ._log import logger
from ._replies import record
from .agents import AgentStart
from .turns import AgentTurn, Completion, completion_struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any, Callable, Iterator

    from .agents import Agent

# The agents that the library may call, by the number that it knows them by.
_hosts: dict[int, Host] = {}
_numbers = itertools.count(1)


class _LoopEnded(RuntimeError):
    """Not the task's doing: it is given back."""


class _Coroutine:
    """An `async def turn` on its loop, while the thread that works the turn waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None, coroutine: Any) -> None:
        self._loop = loop
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None
        self._over = threading.Event()
        if not self._tell(self._start):
            self._coroutine.close()

    def _tell(self, what: Callable[[], object]) -> bool:
        """Lets the loop do something. One that does not run never will: then nobody waits for the coroutine."""
        with suppress(RuntimeError):  # it was closed just now
            if self._loop and self._loop.is_running():
                self._loop.call_soon_threadsafe(what)
                return True
        self._over.set()
        return False

    def _start(self) -> None:
        if self._over.is_set():
            self._coroutine.close()
            return
        assert self._loop
        self._task = self._loop.create_task(self._coroutine)
        self._task.add_done_callback(lambda _: self._over.set())

    def result(self) -> Any:
        """Once it has ended; a cancelled one, too, may have something to clean up."""
        self._over.wait()
        if self._task is None or not self._task.done():
            raise _LoopEnded("the event loop that was to run the turn has ended before it")
        return self._task.result()

    def cancel(self) -> None:
        self._tell(lambda: self._task and self._task.cancel())

    def abandon(self) -> None:
        """Cancels it, and nobody waits for it any more."""
        self.cancel()
        self._over.set()


class Host:
    """One agent in one run or engine, which works one turn at a time.

    `loop` is where an `async def turn` runs. `escape` is told of a SystemExit or KeyboardInterrupt of the agent.
    """

    def __init__(
        self, agent: Agent, loop: asyncio.AbstractEventLoop | None, escape: Callable[[BaseException], object]
    ) -> None:
        self._agent = agent
        self._loop = loop
        self._escape = escape
        self._coroutine: _Coroutine | None = None
        self.is_async = inspect.iscoroutinefunction(agent.turn)
        if self.is_async and loop is None:
            raise TypeError(
                f"turn() of agent {agent.name!r} is an `async def`, and there is no event loop here to run it: "
                "use run_async, or start the engine in a coroutine"
            )

    @contextmanager
    def _in_use(self) -> Iterator[Any]:
        """For the call that starts the run; the library drops this object when it needs it no longer."""
        number = next(_numbers)
        _hosts[number] = self
        agent = _abi.HANDLE()
        call("cobatch_agent_host", _values.text(self._agent.name), byref(_callbacks), number, byref(agent))
        try:
            yield agent
        finally:
            lib.cobatch_agent_free(agent)

    def abandon(self) -> None:
        """No coroutine is to be waited for any more."""
        self._loop = None
        coroutine = self._coroutine
        if coroutine:
            coroutine.abandon()

    def start(self, how: Any) -> int:
        return self._contained(self._agent.start, record(AgentStart, how))

    def turn(self, asked: Any, running: Any) -> int:
        request = record(AgentTurn, asked)
        request._begin(running)
        try:
            _complete(running, self._completion(request))
            return _abi.COBATCH_OK
        except _LoopEnded as ended:
            _complete(running, Completion(end="stopped", detail=str(ended)))
            return _abi.COBATCH_OK
        except Exception:
            self._log("turn")
            if not request.interrupted:  # else the library knows better why it ended
                _complete(running, Completion(end="broke", detail=_traceback()))
            return _abi.COBATCH_E_CALLBACK
        except BaseException as stop:
            if isinstance(stop, (SystemExit, KeyboardInterrupt)):
                self._escape(stop)
            elif request.interrupted:
                return _abi.COBATCH_E_CALLBACK
            _complete(running, Completion(end="stopped", detail=f"the agent raised {type(stop).__name__}"))
            return _abi.COBATCH_OK
        finally:
            request._end()

    def _completion(self, request: AgentTurn) -> Completion:
        came_to: Any = self._agent.turn(request)
        if self.is_async:
            came_to = self._awaited(came_to, request)
        if isinstance(came_to, str):
            return Completion(came_to)
        if isinstance(came_to, Completion):
            return came_to
        raise TypeError(f"turn() returned {came_to!r}; it is to return the output as a str, or a cobatch.Completion")

    def _awaited(self, coroutine: Any, request: AgentTurn) -> Any:
        self._coroutine = running = _Coroutine(self._loop, coroutine)
        try:
            if request.interrupted:  # before there was something to cancel
                running.cancel()
            return running.result()
        finally:
            self._coroutine = None

    def interrupt(self) -> None:
        self._contained(self._agent.interrupt)
        coroutine = self._coroutine
        if coroutine:
            coroutine.cancel()

    def stop(self) -> None:
        self._contained(self._agent.stop)

    def _contained(self, method: Callable[..., object], *arguments: Any) -> int:
        try:
            method(*arguments)
            return _abi.COBATCH_OK
        except Exception:
            self._log(method.__name__)
        except BaseException as stop:
            self._escape(stop)
        return _abi.COBATCH_E_CALLBACK

    def _log(self, method: str) -> None:
        logger().exception("%s() of agent %r failed", method, self._agent.name)


def _traceback() -> str:
    """Of the exception that is being handled, whatever text is in it."""
    return traceback.format_exc().encode(errors="backslashreplace").decode()


def _complete(running: Any, completion: Completion) -> None:
    call("cobatch_turn_complete", running, byref(completion_struct(completion)))


# The library's way to a host: `number` is what it was given as user_data.


def _start(number: int, how: Any, _session: Any) -> int:
    return _hosts[number].start(how[0])


def _turn(number: int, _session: Any, request: Any, running: int) -> int:
    return _hosts[number].turn(request[0], running)


def _interrupt(number: int, _session: Any) -> None:
    _hosts[number].interrupt()


def _stop(number: int, _session: Any) -> None:
    _hosts[number].stop()


def _destroy(number: int) -> None:
    del _hosts[number]


_callbacks = _abi.cobatch_agent_vtable(
    start=_abi.START(_start),
    turn=_abi.TURN(_turn),
    interrupt=_abi.OF_SESSION(_interrupt),
    stop=_abi.OF_SESSION(_stop),
    destroy=_abi.DESTROY(_destroy),
)
