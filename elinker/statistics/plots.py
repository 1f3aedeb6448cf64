"""Statistics as plots: a histogram each of lengths, mentions and scores, as PNG and SVG. matplotlib draws them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from elinker.errors import ElinkerError, MissingExtraError
from elinker.statistics.counts import Statistics
from elinker.statistics.histogram import Histogram
from elinker.whole_file import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")


def check_available() -> None:
    """Refuse before anything is counted.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("matplotlib", "plots") from None


def write_plots(folder: Path, statistics: Statistics) -> list[Path]:
    """Write the plots into a folder, which is made; files of the same names are replaced.

    Raises:
        ElinkerError: a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    check_available()
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (histogram, axis, what) in _plots(statistics).items():
            figure = _bars(histogram, axis, what)
            for suffix in SUFFIXES:
                path = folder / f"{name}{suffix}"
                with whole_file(path) as temporary:
                    figure.savefig(temporary, metadata=_without_date(suffix))
                written.append(path)
    except OSError as error:
        raise ElinkerError(f"cannot write {folder}: {error.strerror or error}") from None
    return written


def _plots(statistics: Statistics) -> dict[str, tuple[Histogram, str, str]]:
    return {
        "document_lengths": (statistics.document_lengths, "characters of a document", "documents"),
        "mentions_per_document": (statistics.mentions_per_document, "mentions of a document", "documents"),
        "mention_lengths": (statistics.mention_lengths, "characters of a mention", "mentions"),
        "scores": (statistics.scores, "probability of a link", "mentions"),
    }


def _bars(histogram: Histogram, axis: str, what: str) -> "Figure":
    # Without pyplot there is no state that plots share, and no display is looked for.
    from matplotlib.figure import Figure

    first, last = _filled(histogram)
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    bins = range(first, last + 1)
    axes.bar([str(index) for index in bins], [histogram.counts[index] for index in bins], width=0.9, color="#4477aa")
    axes.set_xticks(range(len(bins)), [_name(histogram, index) for index in bins], rotation=45, ha="right", fontsize=8)
    axes.set_xlabel(axis)
    axes.set_ylabel(what)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _filled(histogram: Histogram) -> tuple[int, int]:
    """The first and the last bin that holds something."""
    filled = [index for index, count in enumerate(histogram.counts) if count] or [0]
    return filled[0], filled[-1]


def _name(histogram: Histogram, index: int) -> str:
    edges = histogram.edges
    whole = all(float(edge).is_integer() for edge in edges) and max(edges) > 1
    if index + 1 == len(edges):
        return f"{edges[index]:,}+"
    if not whole:
        return f"{edges[index]:.2f}–{edges[index + 1]:.2f}"
    low, high = int(edges[index]), int(edges[index + 1]) - 1
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _without_date(suffix: str) -> dict[str, Any]:
    """The same statistics are the same files."""
    return {"Date": None} if suffix == ".svg" else {}
