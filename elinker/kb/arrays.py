"""Reading `.npy` files that a stranger may have made: NumPy's own format and nothing else, and nothing is unpickled."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinker.errors import KnowledgeBaseError


def load_array(path: Path, *, mapped: bool = True) -> NDArray[Any]:
    """The array in a file, memory-mapped or read into memory.

    Raises:
        KnowledgeBaseError: it holds none, or is cut off.
    """
    mode: Literal["r"] | None = "r" if mapped else None
    try:
        values = np.load(path, mmap_mode=mode, allow_pickle=False)
    except Exception as error:  # NumPy reads the header as Python, so it raises even what Python's tokenizer does
        reason = " ".join(f"{error or type(error).__name__}".split())
        raise KnowledgeBaseError(f"{path} cannot be read: {reason}") from None
    if not isinstance(values, np.ndarray):
        raise KnowledgeBaseError(f"{path} is an archive, not an array")
    return values
