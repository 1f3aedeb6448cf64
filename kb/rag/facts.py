"""The facts: those written by hand (`written.txt`) and those read from the descriptions of kb/starter."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from relations import Relation

HERE = Path(__file__).resolve().parent
ENTITIES = HERE.parent / "starter" / "entities.jsonl"

DEMONYMS = {
    "American": "United States of America", "English": "England", "French": "France", "German": "Germany",
    "British": "United Kingdom", "Italian": "Italy", "Australian": "Australia", "Russian": "Russia",
    "Scottish": "Scotland", "Canadian": "Canada", "Spanish": "Spain", "Dutch": "Netherlands", "Austrian": "Austria",
    "Japanese": "Japan", "Portuguese": "Portugal", "Romanian": "Romania", "Swedish": "Sweden", "Belgian": "Belgium",
    "Norwegian": "Norway", "Czech": "Czech Republic", "Brazilian": "Brazil", "Albanian": "Albania",
    "Argentine": "Argentina", "Mexican": "Mexico", "Turkish": "Turkey", "Pakistani": "Pakistan", "Welsh": "Wales",
    "Greek": "Greece", "Indonesian": "Indonesia", "Swiss": "Switzerland", "Danish": "Denmark", "Indian": "India",
    "Chinese": "People's Republic of China", "Polish": "Poland", "Israeli": "Israel", "Kenyan": "Kenya",
    "Jamaican": "Jamaica", "Nigerian": "Nigeria", "Iraqi": "Iraq", "Finnish": "Finland", "Cuban": "Cuba",
    "Chilean": "Chile", "Egyptian": "Egypt", "Serbian": "Serbia", "Syrian": "Syria", "Belarusian": "Belarus",
    "Hungarian": "Hungary", "Lebanese": "Lebanon", "Ukrainian": "Ukraine", "Croatian": "Croatia",
    "Venezuelan": "Venezuela", "Montenegrin": "Montenegro", "Zimbabwean": "Zimbabwe", "Colombian": "Colombia",
    "Slovak": "Slovakia", "Cambodian": "Cambodia", "Namibian": "Namibia", "Ethiopian": "Ethiopia",
    "Panamanian": "Panama", "Iranian": "Iran", "Burmese": "Myanmar", "Lithuanian": "Lithuania",
    "Filipino": "Philippines", "Malaysian": "Malaysia", "Ghanaian": "Ghana", "Bulgarian": "Bulgaria",
    "Slovenian": "Slovenia", "Estonian": "Estonia", "Latvian": "Latvia", "Icelandic": "Iceland",
    "Peruvian": "Peru", "Bolivian": "Bolivia", "Tunisian": "Tunisia", "Moroccan": "Morocco", "Algerian": "Algeria",
    "Libyan": "Libya", "Vietnamese": "Vietnam", "Thai": "Thailand", "Senegalese": "Senegal",
    "South African": "South Africa", "South Korean": "South Korea", "North Korean": "North Korea",
    "New Zealand": "New Zealand", "Sri Lankan": "Sri Lanka", "Northern Irish": "Northern Ireland",
}  # fmt: skip
OCCUPATIONS = (
    "footballer", "cricketer", "tennis player", "cyclist", "golfer", "pitcher", "skier", "swimmer", "sprinter",
    "long-distance runner", "basketball player", "quarterback", "outfielder", "infielder", "shortstop", "goalkeeper",
    "boxer", "high jumper", "long jumper", "javelin thrower", "figure skater", "speed skater", "biathlete", "rower",
    "wrestler", "racing driver", "pole vaulter", "actor", "actress", "singer", "rapper", "guitarist", "drummer",
    "novelist", "poet", "playwright", "journalist", "philosopher", "physicist", "chemist", "mathematician",
    "biologist", "economist", "historian", "painter", "sculptor", "architect", "composer", "conductor", "film director",
    "politician", "diplomat", "lawyer", "judge", "general", "explorer", "astronomer", "physician", "engineer",
    "businessman", "entrepreneur", "banker", "fashion designer", "model", "theologian", "inventor", "surgeon",
)  # fmt: skip
KINDS = {
    "city": ("place",),
    "country": ("place",),
    "continent": ("place",),
    "work": ("creative work",),
    "thing": ("product", "brand", "concept", "language", "place"),
}
"""Types of kb/starter by the kinds of relations.toml, where they differ."""
_PLAYER = re.compile(
    r"football|striker|midfielder|defender|goalkeeper|forward|winger|full-back|baseball|basketball|hockey|pitcher|outfielder|infielder|quarterback|rugby|cricket|linebacker|shortstop"
)
_TOWN = re.compile(r"\b(?:city|town|metropolis|capital of|federal city)\b")
_SITE = re.compile(r"\b(?:university|college|school|museum|gallery|library|hospital|institution)\b")
_LARGER = re.compile(r"\b(?:state|county|country|region|province|kingdom|nation|island|club|team|republic|district)\b")
_BRITISH = {"England", "Scotland", "Wales", "Northern Ireland"}
_BY = {
    r"owned $": "owner",
    r"directed $|film": "director",
    r"novel|novella|tragedy|comedy|poem|play\b|book|memoir|treatise|tales|manifesto|pamphlet|story": "author",
    r"album|single|song|EP\b|ballad": "performer",
    r"painting|fresco|portrait": "painter",
    r"created $|launched $|creator": "creator",
    r"game|software|system|console|browser|language|phone|made $|developed $": "maker",
}
"""What stands before "by NAME" in the description of a work, and what NAME is to it."""
_NAME = r"(?P<name>[A-Z0-9][\w.'’\-]*(?: (?:[A-Z0-9&][\w.'’\-]*|of|the|and|de|da|van|von|der|del))*)"


@dataclass(frozen=True, slots=True)
class Entity:
    """A line of kb/starter, with the title of its passages: the label, told apart where another entity has it too."""

    id: str
    label: str
    aliases: tuple[str, ...]
    description: str
    kinds: tuple[str, ...]
    title: str

    @property
    def kind(self) -> str:
        """The main type."""
        return self.kinds[0]


@dataclass(frozen=True, slots=True)
class Fact:
    """`object_id` is None where the object is no entity of the base."""

    subject: str
    relation: str
    object: str
    object_id: str | None
    source: str


class Base:
    """The entities, found by id and by name."""

    def __init__(self, path: Path = ENTITIES) -> None:
        rows = [json.loads(line) for line in path.open(encoding="utf-8")]
        bearing: dict[str, list[str]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: int(row["id"][1:])):
            bearing[row["label"].lower()].append(row["id"])
        self.entities: dict[str, Entity] = {}
        self.labels: dict[str, str] = {}
        aliases: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            kinds = tuple(row["types"]) or ("concept",)
            number = bearing[row["label"].lower()].index(row["id"])
            title = row["label"] if number == 0 else f"{row['label']} ({kinds[0]} {number + 1})"
            entity = Entity(row["id"], row["label"], tuple(row["aliases"]), row["description"], kinds, title)
            self.entities[row["id"]] = entity
            if number == 0:
                self.labels[row["label"]] = row["id"]
            for alias in row["aliases"]:
                aliases[alias].add(row["id"])
        lower = {label.lower() for label in self.labels}
        self._bearing = bearing
        self.aliases = {
            alias: next(iter(ids)) for alias, ids in aliases.items() if len(ids) == 1 and alias.lower() not in lower
        }
        self.names = lower | {alias.lower() for alias in aliases}

    def find(self, name: str) -> Entity | None:
        """The entity that is meant by a label, or by an alias that no other entity has."""
        found = self.labels.get(name) or self.aliases.get(name)
        return self.entities[found] if found else None

    def meant(self, name: str, kind: str) -> Entity | None:
        """The same, but of several entities with this label the first that is of a kind, in the terms of relations."""
        wanted = KINDS.get(kind, (kind,))
        for found in self._bearing.get(name.lower(), ()):
            if set(wanted) & set(self.entities[found].kinds):
                return self.entities[found]
        return self.find(name)


def collect(base: Base, relations: dict[str, Relation]) -> list[Fact]:
    """All facts, one a subject and relation; what was written by hand goes first."""
    kept: dict[tuple[str, str], Fact] = {}
    for fact in (*_written(base, relations), *_described(base, relations)):
        if (fact.subject, fact.relation) not in kept and fact.subject != fact.object_id:
            kept[fact.subject, fact.relation] = fact
    facts = [fact for fact in kept.values() if not _contradicts(fact, kept)]
    return sorted(facts, key=lambda fact: (int(fact.subject[1:]), fact.relation))


def is_town(entity: Entity) -> bool:
    """Whether an entity is a city or town, by its description."""
    head = entity.description.split(",")[0]
    return (
        entity.kind in ("place", "organization")
        and bool(_TOWN.search(head))
        and not _LARGER.search(head.split(" of ")[0])
    )


def _contradicts(fact: Fact, kept: dict[tuple[str, str], Fact]) -> bool:
    """Whether what was read from a description is said of a country, or is a seat outside the country named there."""
    if fact.source == "description" and fact.relation != "country" and (fact.subject, "capital") in kept:
        return True
    home, seat = kept.get((fact.subject, "home country")), kept.get((fact.object_id or "", "country"))
    if fact.source == "written" or fact.relation not in ("headquarters", "home city") or home is None or seat is None:
        return False
    first, second = ("United Kingdom" if one.object in _BRITISH else one.object for one in (home, seat))
    return first != second


def _fact(subject: Entity, relation: Relation, base: Base, name: str, source: str) -> Fact:
    found = None if relation.object in ("year", "occupation") else base.meant(name, relation.object)
    return Fact(subject.id, relation.name, found.title if found else name, found.id if found else None, source)


def _written(base: Base, relations: dict[str, Relation]) -> Iterator[Fact]:
    for line in (HERE / "written.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        relation, _, facts = line.partition(": ")
        for fact in facts.split("; "):
            subject, _, name = fact.partition(" = ")
            entity = base.meant(subject, relations[relation].subject)
            if entity is not None:
                yield _fact(entity, relations[relation], base, name, "written")


def _described(base: Base, relations: dict[str, Relation]) -> Iterator[Fact]:
    for entity in base.entities.values():
        for relation, name in _readings(entity, base):
            yield _fact(entity, relations[relation], base, name, "description")


def _readings(entity: Entity, base: Base) -> Iterator[tuple[str, str]]:
    text = entity.description
    words = text.split()
    adjective = next((a for a in (" ".join(words[:2]), words[0]) if a in DEMONYMS), None)
    if entity.kind in ("person", "organization") and adjective and "football" not in words[1:2]:
        yield "home country", DEMONYMS[adjective]
    if entity.kind == "person":
        yield from _of_person(text, base)
    if entity.kind == "organization":
        yield from _of_organization(text, base)
    if entity.kind == "place":
        for match in re.finditer(rf"\b(?:in|of) (?:the )?{_NAME}", text):
            place = base.find(match["name"])
            if place and place.label in set(DEMONYMS.values()):
                yield "country", place.label
                break
    if entity.kind in ("creative work", "product"):
        yield from _of_work(text, base)


def _of_person(text: str, base: Base) -> Iterator[tuple[str, str]]:
    for occupation in OCCUPATIONS:
        if re.search(rf"\b{occupation}\b", text):
            yield "occupation", occupation
            break
    year = re.search(r"born in (1[0-9]{3}|20[01][0-9])\b|\((1[0-9]{3})[–-]", text)
    if year:
        yield "birth year", year[1] or year[2]
    born = re.search(rf"\bborn in {_NAME}", text)
    if born and (place := base.find(born["name"])) and place.kind in ("place", "organization"):
        yield "birthplace", place.label
    if _PLAYER.search(text):
        for match in re.finditer(rf"\b(?:for|of|with|formerly of|at) (?:the )?{_NAME}", text):
            club = _team(match["name"].split(" and ")[0], base)
            if club:
                yield "club", club.label
                break


def _team(name: str, base: Base) -> Entity | None:
    found = base.find(name) or base.find(name + " F.C.")
    is_team = found and re.search(r"club|team|franchise|side|baseball|basketball|hockey|football", found.description)
    return found if found and found.kind == "organization" and is_team else None


def _of_organization(text: str, base: Base) -> Iterator[tuple[str, str]]:
    year = re.search(r"\b(?:founded|established|formed|created)(?: [\w ]+?)? in (1[0-9]{3}|20[012][0-9])\b", text)
    if year:
        yield "founding year", year[1]
    founder = re.search(rf"\bfounded by {_NAME}", text)
    if founder and " " in founder["name"] and ((found := base.find(founder["name"])) is None or found.kind == "person"):
        yield "founder", founder["name"]
    owner = re.search(rf"\bowned by (?:the )?{_NAME}", text)
    if owner:
        yield "owner", owner["name"]
    team = re.search(r"\b(?:club|team|franchise|side|band)\b", text)
    for match in re.finditer(rf"\b(?:based in|from|in|headquartered in) {_NAME}", text):
        place = base.find(match["name"])
        after = re.match(r", ([A-Z]\w+(?: [A-Z]\w+)?)", text[match.end() :])
        elsewhere = after and place and after[1] not in place.description
        if place and is_town(place) and not _TOWN.search(text) and not elsewhere:
            yield "home city" if team else "city" if _SITE.search(text) else "headquarters", place.label
            break


def _of_work(text: str, base: Base) -> Iterator[tuple[str, str]]:
    year = re.match(r"(1[0-9]{3}|20[012][0-9]) ", text) or re.search(
        r"(?:launched|released|published|created) in (1[0-9]{3}|20[012][0-9])", text
    )
    if year:
        yield "release year", year[1]
    by = re.search(
        rf"\bby (?:American |English |British |German |French )?(?:singer |rapper |group |DJ )*{_NAME}", text
    )
    if by is None:
        return
    found = base.find(by["name"]) or base.find(by["name"].split(" and ")[0])
    name = found.label if found else by["name"].split(" and ")[0]
    head = text[: by.start()]
    for words, relation in _BY.items():
        if re.search(words, head):
            if (
                found is None
                or (found.kind == "organization") == (relation in ("maker", "owner"))
                or relation == "performer"
            ):
                yield relation, name
            break
