"""A connection to Ray for the length of a block: to a cluster, or to a Ray that is started on this machine for it."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from elinker.errors import ElinkerError, MissingExtraError, UsageError

OBJECT_STORE = 512 * 2**20
"""Bytes of shared memory of a Ray that is started here; what is under way is far smaller."""

_ANSWER_SECONDS = 5.0
_SILENT = logging.CRITICAL + 1


class ClusterError(ElinkerError):
    """Ray, or the processes that it runs, failed; the work can be taken up again."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Where the work is done, and by how many.

    Attributes:
        workers: processes that each load the model.
        cpus_per_worker: cores of each; torch uses as many threads.
        gpus_per_worker: GPUs of each; a fraction lets several share one, 0 computes on the CPU.
        address: `HOST:PORT` of a cluster, or `auto` for the one that this machine belongs to; None starts Ray here.

    Raises:
        UsageError: a number is too small, or the address has another form.
    """

    workers: int = 1
    cpus_per_worker: int = 1
    gpus_per_worker: float = 0.0
    address: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1 or self.cpus_per_worker < 1 or self.gpus_per_worker < 0:
            raise UsageError("workers and their CPUs count from 1, their GPUs from 0")
        if self.gpus_per_worker > 1 and self.gpus_per_worker != int(self.gpus_per_worker):
            raise UsageError(f"{self.gpus_per_worker} GPUs a worker", hint="a whole number, or a part of one GPU")
        if self.address not in (None, "auto"):
            _endpoint(str(self.address))


@contextmanager
def connected(settings: ClusterSettings) -> Iterator[None]:
    """Ray, ready for use; one that the caller has already connected to is used, and left as it is.

    Raises:
        MissingExtraError: ray is not installed.
        UsageError: no cluster answers at the address, or it has no room for a single worker.
    """
    ray = import_ray()
    if ray.is_initialized():
        _check_room(ray, settings)
        yield
        return
    _start(ray, settings)
    try:
        _check_room(ray, settings)
        yield
    finally:
        ray.shutdown()


def import_ray() -> Any:
    """The module, with its reports to its makers switched off and its messages kept from the terminal.

    They stay in Ray's log files; `RAY_BACKEND_LOG_LEVEL` brings back those of its core.

    Raises:
        MissingExtraError: ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a worker without GPUs sees none
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("ray", "cluster") from None
    for handler in logging.getLogger("ray.data").handlers:
        # of Ray's own, the other one writes a log file; what others listen with is not ours to silence
        if isinstance(handler, logging.StreamHandler) and type(handler).__module__.startswith("ray."):
            handler.setLevel(_SILENT)
    return ray


def _start(ray: Any, settings: ClusterSettings) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": _SILENT}
    if settings.address is None:
        os.environ.setdefault("RAY_worker_niceness", "0")  # at Ray's own 15 they get what other programs leave
        cores = settings.workers * settings.cpus_per_worker
        options |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": OBJECT_STORE}
    else:
        _check_answers(settings.address)
        options["address"] = settings.address
    # the thread that tells of lost workers prints to stdout, whatever ray.init is asked for
    ray._private.worker._worker_logs_enabled = False
    try:
        with _core_silent(), _kept_handler():
            ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        if settings.address is not None:
            raise UsageError(f"no Ray cluster at {settings.address!r}: {reason}", hint=_START) from None
        raise ClusterError(f"Ray does not start: {reason}") from None


@contextmanager
def _core_silent() -> Iterator[None]:
    """Ray's core tells on file descriptor 2 that it was told to tell nothing."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


@contextmanager
def _kept_handler() -> Iterator[None]:
    """Ray takes SIGTERM for itself."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


_START = "start one with: ray start --head --port 6379"


def _check_answers(address: str) -> None:
    """Ray itself waits for minutes for an address where nothing is."""
    if address == "auto":
        return
    try:
        socket.create_connection(_endpoint(address), timeout=_ANSWER_SECONDS).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster answers at {address}: {error.strerror or error}", hint=_START) from None


def _endpoint(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal():
        raise UsageError(f"address {address!r} of a Ray cluster", hint="HOST:PORT, or auto on one of its machines")
    return host.strip("[]"), int(port)


def _check_room(ray: Any, settings: ClusterSettings) -> None:
    """Ray waits for ever for what no machine has."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    for resources in nodes:
        if resources.get("CPU", 0) >= settings.cpus_per_worker and resources.get("GPU", 0) >= settings.gpus_per_worker:
            return
    most = {kind: max((resources.get(kind, 0) for resources in nodes), default=0) for kind in ("CPU", "GPU")}
    raise UsageError(
        f"no machine has room for a worker of {settings.cpus_per_worker} CPUs and {settings.gpus_per_worker:g} GPUs: "
        f"the largest has {most['CPU']:g} and {most['GPU']:g}"
    )
