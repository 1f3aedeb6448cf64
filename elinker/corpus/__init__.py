"""Corpora: reading texts and annotated documents, writing annotations, the runner between them. No model is here."""

from elinker.corpus.formats import FORMATS
from elinker.corpus.readers import find_sources, read_annotations, read_documents, read_records
from elinker.corpus.records import BadRecord, Located, ReadOptions, Source
from elinker.corpus.runner import Summary, annotate_corpus

__all__ = [
    "FORMATS",
    "BadRecord",
    "Located",
    "ReadOptions",
    "Source",
    "Summary",
    "annotate_corpus",
    "find_sources",
    "read_annotations",
    "read_documents",
    "read_records",
]
