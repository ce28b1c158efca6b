"""Stage 6's front door: puts a server together, opens its port, and runs it until it is told to stop.

Owns the port and the signals. Starlette and uvicorn are loaded when a server is wanted, not before.
"""

from __future__ import annotations

import errno
import gc
import shlex
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

from freehold.errors import UserError
from freehold.serve.champions import Champions
from freehold.serve.readers import OpenReader, Served
from freehold.serve.settings import RATE, Settings

if TYPE_CHECKING:
    from freehold.serve.explanations import Explainer
    from freehold.serve.rim import Rim
    from freehold.serve.service import Inbox, Panel
    from freehold.serve.tracing import Traces

__all__ = [
    "bind",
    "check_champions",
    "check_settings",
    "create_app",
    "many_connections",
    "own_process",
    "serve",
]

_MOST_FILES = 65_536
_ARENA_MAX = -8  # of glibc's malloc.h
_GARBAGE = (50_000, 20, 20)
"""New objects before they are looked through, and how often that is before older ones are; Python: 700, 10, 10."""


def create_app(
    tasks: Sequence[Served],
    *,
    inbox: Inbox,
    settings: Settings | None = None,
    open_reader: OpenReader | None = None,
    explainer: Explainer | None = None,
    traces: Traces | None = None,
    panel: Panel | None = None,
) -> Rim:
    """Returns the ASGI application that answers for tasks; champions that can be loaded are loaded.

    Args:
        tasks: What is served; each name once.
        inbox: Where feedback goes: the package `freehold.feedback`.
        settings: Limits, token, host names; for a server on loopback where None.
        open_reader: How an artifact is opened; the engine's way where None.
        explainer: Who explains answers: a `freehold.line.Explainer`; closed at shutdown, as `traces`.
        panel: Who makes statistics of experts: `freehold.label.panel`.

    Raises:
        IntegrityError: A champion's files are damaged; the message names its task.
        UserError: Two tasks have one name.

    Example:
        >>> import freehold.feedback, freehold.serve
        >>> app = freehold.serve.create_app([], inbox=freehold.feedback)
    """
    settings = settings or Settings()
    champions = Champions(tasks, open_reader=open_reader or _engine_reader(), threads=settings.pass_threads)
    # What a model's files need is done outside of Python for the most part: time for a server's imports.
    with ThreadPoolExecutor(1, thread_name_prefix="freehold-load") as pool:
        loaded = pool.submit(champions.load)
        from freehold.serve.application import build
        from freehold.serve.service import Service
    loaded.result()
    service = Service(champions, inbox=inbox, settings=settings, explainer=explainer, traces=traces)
    service.panel = panel
    service.keyring.load()
    return build(service, version=version("freehold"))


def few_heaps() -> None:
    """Lets the threads of this process share two heaps, where its C library is glibc.

    Otherwise each thread gets a heap of its own that keeps what it freed: a server of a dozen threads held 10 %
    more. Only heaps that come later count, so this comes before a model is loaded.
    """
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def own_process() -> None:
    """Makes the process that this server has for itself, and has loaded, a good one to answer from.

    numpy's products use the thread that asks for them: others would spin between two. What is there by now is not
    looked through for garbage again: that held up everybody for 60 to 80 ms, again and again. What comes later is
    looked through less often: the rows of a long list are no garbage.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


def _engine_reader() -> OpenReader:
    from freehold.engine import open_reader

    return open_reader


def serve(
    tasks: Sequence[Served],
    *,
    inbox: Inbox,
    host: str = "127.0.0.1",
    port: int = 8420,
    rate: float = RATE,
    open_reader: OpenReader | None = None,
    explainer: Explainer | None = None,
    panel: Panel | None = None,
    tell: Callable[[str], None] = lambda url: None,
) -> None:
    """Serves tasks over HTTP until SIGINT or SIGTERM, then lets open requests finish.

    The token is that of `FREEHOLD_TOKEN`, where it is set; keys are those of the tasks' registries.
    Traces go to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, if any.

    Args:
        tasks: What is served; each name once.
        inbox: Where feedback goes: the package `freehold.feedback`.
        host: Only this machine can reach the default; another one needs a key or a token.
        port: 0 takes any free port.
        rate: How many requests a second each key may make; 0 for any number.
        open_reader, explainer, panel: As for `create_app`.
        tell: Is given the server's URL when it answers.

    Raises:
        UserError: The host cannot be bound, or needs a key or a token; the port is taken.
        IntegrityError: A champion's files are damaged; the message names its task.
    """
    settings = check_settings(tasks, host=host, port=port, rate=rate)
    listener = bind(host, port)
    few_heaps()
    with closing(listener):
        app = create_app(
            tasks, inbox=inbox, settings=settings, open_reader=open_reader,
            explainer=explainer, traces=_traces(), panel=panel,
        )  # fmt: skip
        _listen(app, listener, settings=settings, tell=tell)


def check_settings(tasks: Sequence[Served], *, host: str, port: int, rate: float) -> Settings:
    """Returns the settings of a server that may be opened.

    Raises:
        UserError: The host needs a key or a token, or the rate is out of range.
    """
    settings = Settings.from_environment(host=host, port=port, rate=rate)
    settings.check(keyed=any(served.shelf.working_keys() for served in tasks), command=_key_command(tasks))
    return settings


def check_champions(tasks: Sequence[Served]) -> None:
    """Opens every champion once, so that what is wrong with one is said before others are started.

    Raises:
        IntegrityError: A champion's files are damaged; the message names its task.
        UserError: Two tasks have one name.
    """
    Champions(tasks, open_reader=_engine_reader()).load()


def _traces() -> Traces | None:
    from freehold.serve.tracing import open_traces

    return open_traces()


def _listen(app: Rim, listener: socket.socket, *, settings: Settings, tell: Callable[[str], None]) -> None:
    from freehold.serve.listener import Listener

    own_process()
    with _ending_quietly(), many_connections():
        Listener(app, settings=settings, tell=tell, leave=app.leave).run(sockets=[listener])


def _key_command(tasks: Sequence[Served]) -> str:
    """Returns what makes a key for the first task, in the state that is served."""
    words = ["freehold", "keys", "create"]
    if tasks:
        task, shelf = tasks[0]
        words += [str(task.folder)]
        words += ["--state", str(shelf.state)] if shelf.state != task.folder / ".freehold" else []
    return shlex.join([*words, "--name", "NAME"])


def bind(host: str, port: int) -> socket.socket:
    """Returns a socket that is bound, so that nobody else takes the port while models load.

    Raises:
        UserError: The port is taken or may not be used, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and answers wait 40 ms for acknowledgements.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(socket.SOMAXCONN)  # only now does a second server on this port fail
    except (OSError, OverflowError) as error:
        listener.close()
        raise _unbindable(error, host=host, port=port) from error
    listener.setblocking(False)
    return listener


def _unbindable(error: OSError | OverflowError, *, host: str, port: int) -> UserError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return UserError(f"Port {port} is taken.", hint=f"Choose another: freehold serve --port {port + 1}")
    if number == errno.EACCES:
        return UserError(
            f"Port {port} needs rights that you do not have.", hint="Choose one above 1023 with `--port`."
        )
    if isinstance(error, OverflowError):
        return UserError(f"`--port` is {port}; ports go from 0 to 65535.")
    return UserError(
        f"`--host` is {host!r}, which this machine cannot listen on: {error.strerror or error}.",
        hint="Leave it out to listen on 127.0.0.1.",
    )


@contextmanager
def many_connections() -> Iterator[None]:
    """Lets the process have as many connections as the system allows it, instead of the usual 1,024 open files."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """Makes SIGTERM and SIGINT an ordinary end: uvicorn raises them once more when it is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
