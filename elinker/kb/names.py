"""When two names are the same name: their normal form and its 64-bit hash. Finding rows by them is in `lookup`."""

import hashlib
import unicodedata


def normalise_name(name: str) -> str:
    """The form under which names are compared: NFKC, case folded, runs of whitespace one space, none at the ends.

    NFKC comes a second time because folding can leave a text that is not normalised (Unicode 3.13, D146).
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def text_hash(text: str) -> int:
    """The first 64 bits of BLAKE2b of the UTF-8 text: stable across machines and runs, unlike Python's `hash`."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
