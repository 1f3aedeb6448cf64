"""A generated dump in Wikidata's JSON format, of any size: what `wikidata_import.py` reads.

Entities are invented, their shape is that of real ones: 4 to 60 languages, statements with qualifiers, references and
hashes, sitelinks, 3 to 40 KB a line and 13 KB in the mean, the mean of the dump of 2024 (1.5 TB, 110 million).
"""

import json
import random
from collections.abc import Iterator
from typing import Any

VARIANTS = 97
"""Different entities; each comes back under a new id and a new name."""

CLASSES = ("Q5", "Q5", "Q5", "Q13442814", "Q515", "Q11424", "Q4830453", "Q16521", "Q4167410", "Q4167836", "Q318")
LANGUAGES = (
    *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "pl", "ru", "uk", "cs", "da", "nb", "fi", "hu", "ro", "tr", "el"),
    *("he", "ar", "fa", "hi", "bn", "ja", "ko", "zh", "vi", "id", "th", "ca", "eu", "gl", "hr", "sr", "sk", "sl", "lt"),
    *("lv", "et", "ga", "cy", "br", "af", "sq", "bg", "mk", "ka", "hy", "az", "kk", "uz", "ta", "te", "ml", "kn", "mr"),
    *("ne", "si", "my", "km", "sw"),
)
WORDS = (
    *("north", "river", "anna", "of", "the", "lake", "studio", "city", "king", "battle", "song", "red", "peter"),
    *("house", "company", "new", "old", "star", "water", "hill"),
)


def dump(size: int, *, seed: int = 0) -> Iterator[bytes]:
    """The lines of a dump of about `size` bytes, with its brackets and commas."""
    variants = [_variant(random.Random(seed * 1000 + number)) for number in range(VARIANTS)]
    yield b"[\n"
    written, number = 2, 0
    while written < size:
        line = variants[number % VARIANTS].replace(b"@@", b"%d" % (number + 1)) + b",\n"
        written += len(line)
        number += 1
        yield line
    yield variants[0].replace(b"@@", b"%d" % (number + 1)) + b"\n"
    yield b"]\n"


def _variant(random_: random.Random) -> bytes:
    """One entity as a line, with `@@` where its number goes."""
    languages = random_.sample(LANGUAGES, random_.randint(4, 60))
    if random_.random() < 0.9 and "en" not in languages:
        languages.append("en")
    name = " ".join(random_.choices(WORDS, k=2)).title() + " @@"
    sites = random_.sample(languages, int(len(languages) * random_.random()))
    entity: dict[str, Any] = {
        "type": "item",
        "id": "Q@@",
        "labels": {code: {"language": code, "value": name} for code in languages},
        "descriptions": {
            code: {"language": code, "value": " ".join(random_.choices(WORDS, k=6))} for code in languages[::2]
        },
        "aliases": {
            code: [{"language": code, "value": f"{name} {index}"} for index in range(random_.randint(1, 3))]
            for code in languages[::4]
        },
        "claims": {"P31": [_statement(random_, "P31", random_.choice(CLASSES))]},
        "sitelinks": {f"{code}wiki": {"site": f"{code}wiki", "title": name, "badges": []} for code in sites},
        "pageid": 1000,
        "ns": 0,
        "title": "Q@@",
        "lastrevid": random_.randrange(10**9),
        "modified": "2024-05-01T12:00:00Z",
    }
    for _ in range(random_.randint(2, 12)):
        code = f"P{random_.randint(17, 9000)}"
        entity["claims"][code] = [_statement(random_, code, f"Q{random_.randrange(10**7)}") for _ in range(2)]
    return json.dumps(entity, separators=(",", ":")).encode()


def _statement(random_: random.Random, code: str, target: str) -> dict[str, Any]:
    def snak(of: str) -> dict[str, Any]:
        value = {"entity-type": "item", "numeric-id": int(target[1:]), "id": target}
        return {
            "snaktype": "value",
            "property": of,
            "hash": f"{random_.getrandbits(160):040x}",
            "datavalue": {"value": value, "type": "wikibase-entityid"},
            "datatype": "wikibase-item",
        }

    references = [
        {"hash": f"{random_.getrandbits(160):040x}", "snaks": {"P248": [snak("P248")]}, "snaks-order": ["P248"]}
    ]
    return {
        "mainsnak": snak(code),
        "type": "statement",
        "id": f"Q@@${random_.getrandbits(128):032X}",
        "rank": "normal",
        "references": references if random_.random() < 0.6 else [],
    }
