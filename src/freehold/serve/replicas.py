"""Several processes that answer at one address, kept by Ray Serve. Alone imports ray, and only where it is used.

Owns Ray: that it runs here for this one server, listens to this machine alone, lets nobody else in and ends with
the server. Each replica opens the registries itself, and follows their champions and keys as a server does.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from freehold.errors import MissingExtraError, OperatorError, UserError
from freehold.serve.certificates import make_certificate
from freehold.serve.front import (
    bind,
    check_champions,
    check_settings,
    create_app,
    many_connections,
    own_process,
)
from freehold.serve.readers import Served
from freehold.serve.relay import ReplicaSide
from freehold.serve.settings import RATE, Settings
from freehold.task import Task

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from freehold.serve.explanations import Explainer
    from freehold.serve.service import Inbox, Panel

__all__ = ["REPLICAS", "serve_replicas"]

REPLICAS = 2
"""How many answer, where nothing else is said."""

_MOST = 64
_NAME = "freehold"
_STORE_BYTES = 80 << 20
"""Of the memory that Ray's processes share, which is not used here: about the least that it takes."""
_AT_ONCE = 100_000
"""Requests that Ray hands to a replica at one time: the server's own limits say when it is too much."""
_HEALTH_SECONDS, _DRAIN_SECONDS = 2.0, 0.2
_LOOK_SECONDS, _LOOKS = 5.0, 3
"""How often it is looked whether Ray is there, and how many looks in vain say no: a busy machine answers late."""
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_IDLE_SECONDS = 5
"""How long a connection may rest between two requests: what uvicorn says where nobody else does."""
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_USE_TLS": "1",
    # What Ray does elsewhere by default: its ports are on loopback.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # These would open ports to other machines.
    "RAY_SERVE_ENABLE_HA_PROXY": "0",
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "freehold.serve.relay:proxy_side",
    # A busy machine is no reason to give up, nor to let replicas wait for everybody else.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    "RAY_worker_niceness": "0",
    # Replicas are not killed because others fill the memory.
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_COLOR_PREFIX": "0",
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a replica is made of; travels to its process."""

    tasks: tuple[tuple[Task, Path], ...]
    inbox: Inbox
    settings: Settings
    explainer: Callable[[], Explainer] | None
    panel: Panel | None


def serve_replicas(
    tasks: Sequence[Served],
    *,
    replicas: int = REPLICAS,
    inbox: Inbox,
    host: str = "127.0.0.1",
    port: int = 8420,
    rate: float = RATE,
    explainer: Callable[[], Explainer] | None = None,
    panel: Panel | None = None,
    tell: Callable[[str], None] = lambda url: None,
) -> None:
    """Serves tasks from several processes until SIGINT or SIGTERM, then lets open requests finish.

    What `serve` says of tokens, keys and traces holds here.

    Args:
        tasks: What is served; each name once.
        replicas: How many processes answer; together they let through what one server would in the long run.
        inbox, host, port, rate, panel, tell: As for `serve`.
        explainer: Makes a replica's explainer.

    Raises:
        UserError: A value is none that can be used, as for `serve`.
        IntegrityError: A champion's files are damaged; the message names its task.
        MissingExtraError: Ray is not installed.
        OperatorError: Ray cannot start here, or ended while it served.
    """
    if not 1 <= replicas <= _MOST:
        raise UserError(f"`--replicas` is {replicas}; it is a number from 1 to {_MOST}.")
    if find_spec("ray") is None:
        raise MissingExtraError("ray", "ray")
    settings = check_settings(tasks, host=host, port=port, rate=rate)
    with _claimed(host, port) as taken:
        check_champions(tasks)
        places = tuple((served.task, served.shelf.state.resolve()) for served in tasks)
        plan = _Plan(places, inbox, replace(settings, port=taken).share(replicas), explainer, panel)
        with _ending() as ended, _home() as home, _environment(home), many_connections():
            _run(plan, replicas, home=home, tell=tell, ended=ended)


def _run(plan: _Plan, replicas: int, *, home: Path, tell: Callable[[str], None], ended: _Ended) -> None:
    """Starts everything, and ends it when that is told."""
    ray = _load_ray()
    try:
        _start(ray, home / "ray", replicas)
        ended.listen()
        ended.check()
        _deploy(plan, replicas)
        ended.check()
        ended.answering = True
        tell(plan.settings.url())
        _watch(ray, ended)
        with suppress(ray.exceptions.RayError, RuntimeError, TimeoutError):  # what does not let go ends below
            ray.serve.delete(_NAME)
    finally:
        ray.shutdown()


def _load_ray() -> Any:
    """Returns the module ray.

    Raises:
        MissingExtraError: It is not installed.
        OperatorError: This process has a Ray of its own, which would end with the server.
    """
    try:
        import ray
        import ray.serve
    except ModuleNotFoundError as error:
        raise MissingExtraError("ray[serve]", "ray") from error
    if ray.is_initialized():
        raise OperatorError(
            "This process uses a Ray already; the server needs one of its own.",
            hint="Serve from another process: freehold serve --on ray",
        )
    return ray


def _watch(ray: Any, ended: _Ended) -> None:
    """Returns when the server is told to end.

    Raises:
        OperatorError: Ray is gone: somebody killed it, or the machine ran out of memory.
    """
    missed = 0
    while not ended.wait(_LOOK_SECONDS):
        missed = 0 if _is_alive(ray) else missed + 1
        if missed == _LOOKS:
            raise OperatorError(
                "Ray ended, and the replicas with it.",
                hint="Look whether memory ran out, and start again: freehold serve --on ray",
            )


def _is_alive(ray: Any) -> bool:
    try:
        return any(node["Alive"] for node in ray.nodes())
    except Exception:  # noqa: BLE001  whatever it says: who keeps the list of nodes does not answer
        return False


@contextmanager
def _claimed(host: str, port: int) -> Iterator[int]:
    """Yields a port that is free, and refuses it to other servers of this kind until the block ends.

    Ray's proxy takes it late, and lets others share it, so that two servers would answer by turns.

    Raises:
        UserError: It is taken, or cannot be had.
    """
    with bind(host, port) as listener, socket.socket(socket.AF_UNIX) as claim:
        taken = int(listener.getsockname()[1])
        if sys.platform == "linux":  # where sockets may have names that are no files
            try:
                claim.bind(f"\0freehold-serve-{host}:{taken}")
            except OSError as error:
                raise UserError(
                    f"Port {taken} is taken by a server that is starting.",
                    hint=f"Choose another: freehold serve --on ray --port {taken + 1}",
                ) from error
        listener.close()
        yield taken


@contextmanager
def _home() -> Iterator[Path]:
    """Yields a folder for this server's Ray, which is removed at the end; sockets need a short path."""
    short = Path("/tmp")  # noqa: S108  the folder in it has a new name and is closed to others
    with tempfile.TemporaryDirectory(
        prefix="freehold-", dir=short if short.is_dir() else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@contextmanager
def _environment(home: Path) -> Iterator[None]:
    """Tells Ray, here and in all processes that it starts, what it may do."""
    made = make_certificate(home)
    changed = {
        **_ENVIRONMENT,
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_TLS_SERVER_CERT": str(made.certificate),
        "RAY_TLS_SERVER_KEY": str(made.key),
        "RAY_TLS_CA_CERT": str(made.certificate),
    }
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start(ray: Any, folder: Path, replicas: int) -> None:
    """Starts a Ray of our own, whatever others there are.

    Raises:
        OperatorError: It does not start.
    """
    try:
        ray.init(
            address="local",
            num_cpus=replicas,
            num_gpus=0,
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            logging_level=logging.ERROR,
            _temp_dir=str(folder),  # which Ray opens to everybody
        )
    except SystemExit:  # what Ray makes of SIGTERM while it starts
        raise KeyboardInterrupt from None
    except Exception as error:  # Ray's have no root in common
        raise _unstartable(error) from error


def _deploy(plan: _Plan, replicas: int) -> None:
    """Returns when all replicas answer.

    Raises:
        OperatorError: They cannot.
    """
    from ray import serve

    quiet = {"log_level": "ERROR", "enable_access_log": False}
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    deployment = serve.deployment(
        serve.ingress(_maker(plan))(),
        name="replica",
        num_replicas=replicas,
        max_ongoing_requests=_AT_ONCE,
        ray_actor_options={"num_cpus": 0},
        health_check_period_s=_HEALTH_SECONDS,
        graceful_shutdown_wait_loop_s=_DRAIN_SECONDS,
        graceful_shutdown_timeout_s=plan.settings.grace_seconds,
        logging_config=quiet,
    )
    try:
        place = {"host": plan.settings.host.strip("[]"), "port": plan.settings.port}
        options = {**place, "keep_alive_timeout_s": _IDLE_SECONDS}
        serve.start(proxy_location="HeadOnly", http_options=options, logging_config=quiet)
        serve.run(deployment.bind(), name=_NAME, route_prefix="/")
    except Exception as error:  # Ray's have no root in common
        raise _unstartable(error) from error


def _maker(plan: _Plan) -> Callable[[], ASGIApp]:
    """Returns the function that Ray calls in each replica's process; it takes nothing but a plain function."""

    def make() -> ASGIApp:
        return _open_replica(plan)

    return make


def _open_replica(plan: _Plan) -> ASGIApp:
    from freehold.registry import Registry
    from freehold.serve.tracing import open_traces

    app = create_app(
        [Served(task, Registry.open(state)) for task, state in plan.tasks],
        inbox=plan.inbox,
        settings=plan.settings,
        explainer=plan.explainer() if plan.explainer else None,
        traces=open_traces(),
        panel=plan.panel,
    )
    own_process()
    return ReplicaSide(app)


def _unstartable(error: BaseException) -> OperatorError:
    said = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
    return OperatorError(
        f"Ray could not start the replicas: {type(error).__name__}: {said[:300]}",
        hint="Serve from one process meanwhile: freehold serve --on local",
    )


class _Ended:
    """Whether the server was told to end.

    Attributes:
        answering: It answers: from now on the first signal is an ordinary end; any other breaks everything off.
    """

    def __init__(self) -> None:
        self._told = threading.Event()
        self.answering = False

    def listen(self) -> None:
        """Makes some signals an ordinary end; Ray puts a handler of its own in place when it starts."""
        if threading.current_thread() is threading.main_thread():
            for each in _SIGNALS:
                signal.signal(each, self._tell)

    def check(self) -> None:
        """Breaks off where that was said already: Ray may have caught what the signal raised."""
        if self._told.is_set():
            raise KeyboardInterrupt

    def wait(self, seconds: float) -> bool:
        """Returns whether the server was told to end, at once or within so long."""
        return self._told.wait(seconds)

    def _tell(self, _number: int, _frame: FrameType | None) -> None:
        again = self._told.is_set()
        self._told.set()
        if again or not self.answering:
            raise KeyboardInterrupt


@contextmanager
def _ending() -> Iterator[_Ended]:
    """Yields what knows of the end, and puts back the signals' handlers."""
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    ended = _Ended()
    ended.listen()
    try:
        yield ended
    except KeyboardInterrupt:
        if not ended.answering:
            raise
    finally:
        if threading.current_thread() is threading.main_thread():
            for each, handler in before.items():
                signal.signal(each, handler)
