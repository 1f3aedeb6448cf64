"""Writing a report so that no half file is ever seen. What is written is made elsewhere."""

import os
from pathlib import Path

from elinker.errors import UsageError


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name beside it and rename it, so that no half file is ever seen.

    Raises:
        UsageError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
