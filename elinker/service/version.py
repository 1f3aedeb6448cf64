"""Which elinker, model and base answer, and within which limits. No paths of files are told."""

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import elinker
from elinker.kb.manifest import MANIFEST
from elinker.schema import SCHEMA_VERSION
from elinker.service.limits import Limits

if TYPE_CHECKING:
    from elinker.linking.linker import Linker


def describe(linker: "Linker", limits: Limits) -> dict[str, Any]:
    """The answer of `/version`.

    The model's fingerprint is that of the base's manifest, which a linker has compared; the base's is the SHA-256 of
    its manifest, which holds the checksums of all its files.
    """
    manifest = linker.kb.manifest
    return {
        "elinker": elinker.__version__,
        "schema": SCHEMA_VERSION,
        "model": {"fingerprint": manifest.fingerprint, "dimensions": manifest.dim},
        "base": {
            "fingerprint": hashlib.sha256((linker.kb.path / MANIFEST).read_bytes()).hexdigest(),
            "entities": manifest.count,
            "index": manifest.index_factory,
            "url_template": manifest.url_template,
            "created": manifest.created.isoformat(),
        },
        "linker": linker.settings.model_dump(mode="json"),
        "limits": asdict(limits),
    }
