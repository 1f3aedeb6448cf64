"""Knowledge bases: directories of entities, vectors and lookups, made by a model and opened memory-mapped."""

from elinker.kb.base import KnowledgeBase
from elinker.kb.build import add, build, reindex, remove
from elinker.kb.checks import Check
from elinker.kb.encoder import Encoder
from elinker.kb.manifest import Manifest
from elinker.kb.names import normalise_name
from elinker.kb.readers import EntityFile, Rejects
from elinker.kb.verify import verify

__all__ = [
    "Check",
    "Encoder",
    "EntityFile",
    "KnowledgeBase",
    "Manifest",
    "Rejects",
    "add",
    "build",
    "normalise_name",
    "reindex",
    "remove",
    "verify",
]
