"""What annotated documents say when they are counted: rates, entities, types, co-occurrence, histograms. No model."""

from elinker.statistics.counts import Statistics
from elinker.statistics.histogram import Histogram

__all__ = ["Histogram", "Statistics"]
