"""The kinds of error, after ELEVANT (Bast et al. 2022), each with its exact rule. Errors are found in `mistakes`.

docs/evaluation.md says where a rule departs from ELEVANT's, which knows how often Wikipedia links a name to what.
"""

from collections.abc import Sequence
from enum import StrEnum

from elinker.evaluation.demonyms import is_demonym
from elinker.evaluation.gold import GoldMention, Span
from elinker.evaluation.known_entities import KnownEntities
from elinker.schema import Mention


class ErrorKind(StrEnum):
    """What an error is of: a gold mention that no link found, one that got a wrong link, or a link that is none."""

    UNDETECTED = "undetected"
    WRONG_ENTITY = "wrong entity"
    FALSE_DETECTION = "false detection"


class Category(StrEnum):
    """The kinds of error. An error has one category, and a `CANDIDATES` one besides where candidates are known."""

    UNDETECTED_NIL = "undetected-nil"
    UNDETECTED_LOWERCASE = "undetected-lowercase"
    UNDETECTED_PART = "undetected-part"
    UNDETECTED_OVERLAP = "undetected-overlap"
    UNDETECTED_OTHER = "undetected-other"
    ENTITY_DEMONYM = "entity-demonym"
    ENTITY_METONYM = "entity-metonym"
    ENTITY_PARTIAL_NAME = "entity-partial-name"
    ENTITY_OTHER = "entity-other"
    CANDIDATES_WITHOUT = "candidates-without"
    CANDIDATES_WRONG_CHOICE = "candidates-wrong-choice"
    FALSE_UNKNOWN = "false-unknown"
    FALSE_SPAN = "false-span"
    FALSE_LOWERCASE = "false-lowercase"
    FALSE_OTHER = "false-other"


MEANING = {
    Category.UNDETECTED_NIL: "the exact span was found, but given no entity",
    Category.UNDETECTED_LOWERCASE: "not linked; its first letter is not a capital",
    Category.UNDETECTED_PART: "not linked; a false link lies inside it",
    Category.UNDETECTED_OVERLAP: "not linked; a false link overlaps it",
    Category.UNDETECTED_OTHER: "not linked, for none of these reasons",
    Category.ENTITY_DEMONYM: "a word like Spanish linked to another of people, language and place",
    Category.ENTITY_METONYM: "a place named for something else was linked to the place",
    Category.ENTITY_PARTIAL_NAME: "only part of the right entity's name is in the text",
    Category.ENTITY_OTHER: "another entity, for none of these reasons",
    Category.CANDIDATES_WITHOUT: "the right entity is not among the candidates",
    Category.CANDIDATES_WRONG_CHOICE: "the right entity is among the candidates, but was not chosen",
    Category.FALSE_UNKNOWN: "a link on a mention whose entity the annotators did not know",
    Category.FALSE_SPAN: "the right entity on a span that overlaps the mention",
    Category.FALSE_LOWERCASE: "a link without a capitalised word where the gold has nothing",
    Category.FALSE_OTHER: "a false link, for none of these reasons",
}
"""One line for each category, for tables and pages."""

_DEMONYM_TYPES = {"place", "population", "language"}
_NO_METONYM_TYPES = {"place", "person", "population", "fictional character"}


def undetected(text: str, mention: GoldMention, found_as_nil: bool, false_spans: Sequence[Span]) -> Category:
    """The category of a gold mention without a link on its span; `false_spans` are those of false detections."""
    if found_as_nil:
        return Category.UNDETECTED_NIL
    letters = [character for character in text[mention.start : mention.end] if character.isalpha()]
    if not letters or not letters[0].isupper():
        return Category.UNDETECTED_LOWERCASE
    if any(mention.start <= start and end <= mention.end for start, end in false_spans):
        return Category.UNDETECTED_PART
    if any(overlap(mention.span, span) for span in false_spans):
        return Category.UNDETECTED_OVERLAP
    return Category.UNDETECTED_OTHER


def wrong_entity(text: str, mention: GoldMention, predicted_id: str, known: KnownEntities) -> Category:
    """The category of a gold mention with an id whose span was linked to another entity."""
    surface = text[mention.start : mention.end]
    gold_id = mention.entity_id or ""
    gold_types, predicted_types = set(known.types(gold_id)), set(known.types(predicted_id))
    if is_demonym(surface) and (not gold_types or gold_types & _DEMONYM_TYPES):
        return Category.ENTITY_DEMONYM
    names = {name.casefold() for name in known.names(predicted_id)}
    metonym = gold_types and not gold_types & _NO_METONYM_TYPES and "place" in predicted_types
    if metonym and surface.casefold() in names:
        return Category.ENTITY_METONYM
    label = known.label(gold_id) or ""
    if " " in label and len(surface) < len(label) and surface in label:
        return Category.ENTITY_PARTIAL_NAME
    return Category.ENTITY_OTHER


def candidates(gold_id: str, predicted: Mention | None) -> Category | None:
    """Whether retrieval or the choice failed on a span; None where the candidates are not known."""
    if predicted is None or not predicted.candidates:
        return None
    ids = {candidate.entity_id for candidate in predicted.candidates}
    return Category.CANDIDATES_WRONG_CHOICE if gold_id in ids else Category.CANDIDATES_WITHOUT


def false_detection(predicted: Mention, known_mentions: Sequence[GoldMention], unknown: Sequence[Span]) -> Category:
    """The category of a link that is not on the span of a gold mention with an id.

    `known_mentions` are the gold mentions with an id, `unknown` the spans of those without.
    """
    span = (predicted.start, predicted.end)
    if span in unknown:
        return Category.FALSE_UNKNOWN
    overlapping = [mention for mention in known_mentions if overlap(span, mention.span)]
    if any(mention.entity_id == predicted.entity_id for mention in overlapping):
        return Category.FALSE_SPAN
    if not overlapping and not any(word[0].isupper() for word in predicted.text.split()):
        return Category.FALSE_LOWERCASE
    return Category.FALSE_OTHER


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans share a character."""
    return one[0] < other[1] and other[0] < one[1]
