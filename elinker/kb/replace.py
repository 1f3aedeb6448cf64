"""Putting a finished directory in the place of an old one, so that a crash leaves the old one or the new one."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def previous(target: Path) -> Path:
    """Where the old directory stands for the moment of the exchange."""
    return target.with_name(f".{target.name}.previous")


@contextmanager
def replacing(target: Path, own: frozenset[str]) -> Iterator[Path]:
    """A new directory beside `target` to fill; when the block ends it takes the place of `target`, on an error it goes.

    Files in `target` whose names are not in `own`, such as a README, are carried over. Between the two renames of the
    exchange the old directory is at `previous(target)`; every other moment has a complete directory at `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    workspace = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    workspace.mkdir()
    try:
        yield workspace
        if target.exists():
            _carry_over(target, workspace, own)
        _exchange(workspace, target)
    except BaseException:
        shutil.rmtree(workspace, ignore_errors=True)
        raise


def _carry_over(source: Path, destination: Path, own: frozenset[str]) -> None:
    for child in source.iterdir():
        if child.name not in own:
            if child.is_dir() and not child.is_symlink():
                shutil.copytree(child, destination / child.name, symlinks=True)
            else:
                shutil.copy2(child, destination / child.name, follow_symlinks=False)


def _exchange(new: Path, target: Path) -> None:
    old = previous(target)
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        try:
            new.rename(target)
        except OSError:
            old.rename(target)
            raise
    else:
        new.rename(target)
    shutil.rmtree(old, ignore_errors=True)
