"""What a run notes about the machine: versions of the libraries at work, memory in use. Nothing heavy is imported."""

import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elinker import __version__

_PACKAGES = ("torch", "transformers", "tokenizers", "faiss-cpu", "numpy", "pyarrow", "spacy", "ray")


def versions() -> dict[str, str]:
    """Versions of elinker, Python and the packages that results depend on, as far as they are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"elinker": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {"platform": platform.platform()}


def memory() -> int | None:
    """Bytes of memory that this process holds now (its resident set); its peak where the system tells only that."""
    try:
        # The second number of statm is the resident set in pages.
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return _peak_memory()
    import resource

    return pages * resource.getpagesize()


def _peak_memory() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def freed_memory_given_back(every: float = 1.0) -> Iterator[None]:
    """Within this context freed memory goes back to the system every so many seconds, where glibc manages it.

    Tensors of ever other sizes leave gaps that it would keep and spread over: with the starter the resident memory
    grows by half without this. A call takes some 30 ms in a thread of its own.
    """
    import ctypes

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        yield
        return
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(every):
            trim(0)

    threading.Thread(target=work, name="memory", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def gpu_memory() -> int | None:
    """Bytes that torch holds on all CUDA devices of this process; None where it uses none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    held: int = sum(torch.cuda.memory_reserved(device) for device in range(torch.cuda.device_count()))
    return held
