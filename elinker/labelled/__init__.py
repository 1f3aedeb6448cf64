"""Texts with gold mentions, in any of the formats that data sets come in, read as `Document`s.

One file a format; `reading` chooses among them. Nothing here scores, trains or writes.
"""

from elinker.labelled.reading import FORMATS, read_labelled

__all__ = ["FORMATS", "read_labelled"]
