"""A real, simple linker is run over a benchmark: names of a list are linked, other capitalised words are NIL."""

import re

import pytest

from elinker.evaluation.categories import Category, ErrorKind
from elinker.evaluation.gold import GoldDocument, GoldMention
from elinker.evaluation.run import evaluate_linker, evaluate_predictions
from elinker.schema import Candidate, Document, Mention

NAMES = {"Ada": "Q1", "Bob": "Q2", "Paris": "Q90", "England": "Q21", "Bank of England": "Q3"}


class NameLinker:
    """Links the names that it knows; other capitalised words are mentions of NIL."""

    def __init__(self):
        self.seen = []

    def pipe(self, texts, *, mentions="onegen", keep_nil=False):
        for document in texts:
            self.seen.append(document)
            if mentions == "given":
                spans = [(mention.start, mention.end) for mention in document.mentions]
            else:
                known = "|".join(sorted(NAMES, key=len, reverse=True))
                spans = [match.span() for match in re.finditer(rf"\b(?:{known}|[A-Z]\w+)\b", document.text)]
            linked = [self.link(document.text, start, end) for start, end in spans]
            kept = [mention for mention in linked if keep_nil or mentions == "given" or mention.entity_id]
            yield Document(document.id, document.text, tuple(kept), document.meta)

    def link(self, text, start, end):
        surface = text[start:end]
        entity_id = NAMES.get(surface)
        candidates = tuple(Candidate(identifier, name, 0.5) for name, identifier in NAMES.items())
        return Mention(start, end, surface, entity_id, surface if entity_id else None, 0.9, candidates)


def gold(text, *mentions):
    return GoldDocument(
        text,
        text,
        tuple(GoldMention(text.index(name), text.index(name) + len(name), entity_id) for name, entity_id in mentions),
    )


BENCHMARK = [
    gold("Ada met Bob in Paris.", ("Ada", "Q1"), ("Bob", "Q7"), ("Paris", "Q90")),  # Bob: wrong entity
    gold("Eve liked the castle.", ("Eve", "Q5"), ("castle", "Q8")),  # Eve: NIL, castle: missed
    gold("The city of Paris and Zoe.", ("city of Paris", "Q90"), ("Zoe", None)),  # wrong span
    gold("England won.", ("won", "Q9")),  # won: missed, England: spurious
]
# Linking: right Ada, Paris; false Bob, Paris (3rd), England; missed Bob, Eve, castle, city of Paris, won.


@pytest.fixture
def result():
    return evaluate_linker(NameLinker(), BENCHMARK, name="toy", in_base=set(NAMES.values()).__contains__)


def test_the_linker_is_scored_end_to_end(result):
    counts = result.scores.linking.counts
    assert (counts.true_positives, counts.false_positives, counts.false_negatives) == (2, 3, 5)


def test_nil_mentions_are_asked_for_so_that_detection_of_all_mentions_can_be_scored(result):
    counts = result.scores.detection_all.counts
    # Found: Ada, Bob, Paris, Eve, Zoe; not in gold: The, Paris (3rd), England; missed: castle, city of Paris, won.
    assert (counts.true_positives, counts.false_positives, counts.false_negatives) == (5, 3, 3)


def test_the_linker_is_scored_on_given_mentions(result):
    # Of Ada, Bob, Paris, Eve, castle, city of Paris and won it knows Ada and Paris; Q1 and twice Q90 are in its list.
    accuracy, in_base = result.disambiguation.accuracy, result.disambiguation.accuracy_in_base
    assert (accuracy.part, accuracy.whole) == (2, 7)
    assert (in_base.part, in_base.whole) == (2, 3)
    assert (result.coverage.part, result.coverage.whole) == (3, 7)


def test_the_linker_sees_no_gold_entity_and_no_gold_span_end_to_end():
    linker = NameLinker()
    evaluate_linker(linker, BENCHMARK, name="toy")
    assert all(mention.entity_id is None for document in linker.seen for mention in document.mentions)
    assert all(not document.mentions for document in linker.seen[: len(BENCHMARK)])


def test_overlapping_gold_mentions_are_all_given_though_documents_hold_no_overlaps():
    text = "The Bank of England and Ada."
    benchmark = [gold(text, ("Bank of England", "Q3"), ("England", "Q21"), ("Ada", "Q1"))]
    linker = NameLinker()
    result = evaluate_linker(linker, benchmark, name="nested")
    assert result.disambiguation.accuracy.value == 1.0
    assert [[m.text for m in document.mentions] for document in linker.seen[1:]] == [
        ["Bank of England", "Ada"],
        ["England"],
    ]


def test_progress_counts_each_document_twice():
    done = []
    evaluate_linker(NameLinker(), BENCHMARK, name="toy", advance=done.append)
    assert sum(done) == 2 * len(BENCHMARK)


def test_stored_predictions_score_as_the_linker_that_made_them(result):
    stored = evaluate_predictions(result.predicted, BENCHMARK, name="toy")
    assert stored.scores == result.scores
    assert stored.disambiguation is None


def test_every_error_is_listed_with_its_categories_in_order_of_the_text(result):
    assert [(mistake.text, *mistake.categories) for mistake in result.mistakes()] == [
        ("Bob", Category.ENTITY_OTHER, Category.CANDIDATES_WITHOUT),
        ("Eve", Category.UNDETECTED_NIL, Category.CANDIDATES_WITHOUT),
        ("castle", Category.UNDETECTED_LOWERCASE),
        ("city of Paris", Category.UNDETECTED_LOWERCASE),
        ("Paris", Category.FALSE_SPAN),
        ("England", Category.FALSE_OTHER),
        ("won", Category.UNDETECTED_LOWERCASE),
    ]


def test_an_error_tells_what_was_right_what_was_said_and_where(result):
    mistake = next(iter(result.mistakes())).to_json()
    assert mistake["context"] == "Ada met ⟦Bob⟧ in Paris."
    assert (mistake["gold_id"], mistake["gold_in_base"]) == ("Q7", False)
    assert (mistake["predicted_id"], mistake["predicted_label"], mistake["given_id"]) == ("Q2", "Bob", "Q2")
    assert mistake["candidates"][0] == ["Q1", "Ada", 0.5]


def test_an_undetected_mention_shows_the_candidates_of_the_given_span(result):
    undetected = [mistake for mistake in result.mistakes() if mistake.kind is ErrorKind.UNDETECTED]
    assert all(len(mistake.candidates) == 5 for mistake in undetected)
