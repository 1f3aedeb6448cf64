"""Where the data that ships with elinker lies: ready pipelines and knowledge bases. Nothing is loaded here."""

from pathlib import Path

from elinker.errors import UsageError

STARTER = "en_starter"
"""Name of the pipeline that is used when none is named."""

COMPONENT = "onegen_linker"
"""Name of the spaCy factory, and of the directory of a linker inside a saved spaCy pipeline."""

_PACKAGE = Path(__file__).parent


def data_directory(kind: str) -> Path:
    """The shipped `pipelines` or `kb` directory: inside an installed wheel, or at the top of a checkout."""
    installed = _PACKAGE / "data" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def find_pipeline(name_or_path: str | Path) -> Path:
    """The directory of a pipeline given by path, or by the name of one that ships.

    Raises:
        UsageError: there is neither; the message lists the names that exist.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    shipped = data_directory("pipelines") / str(name_or_path)
    if len(path.parts) == 1 and shipped.is_dir():
        return shipped
    names = sorted(child.parent.name for child in data_directory("pipelines").glob("*/meta.json"))
    raise UsageError(
        f"no pipeline {str(name_or_path)!r}", hint=f"give a directory or one of: {', '.join(names) or 'none shipped'}"
    )


def pipeline_part(name_or_path: str | Path, part: str) -> Path:
    """The `model` or `kb` directory that is meant: that of a pipeline, or the directory itself.

    Raises:
        UsageError: there is neither.
    """
    try:
        found = find_pipeline(name_or_path)
    except UsageError as error:
        raise UsageError(f"neither a directory nor a pipeline: {str(name_or_path)!r}", hint=error.hint) from None
    inside = found / COMPONENT / part
    return inside if inside.is_dir() else found
