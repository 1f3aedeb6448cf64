"""The reference code's scores where they are not sums over documents; the rest is in test_worked_examples."""

from elinker.evaluation import GoldDocument, GoldMention
from elinker.evaluation.matching import Counts
from elinker.evaluation.metrics import Figures, Share
from elinker.evaluation.reference import figures, score_reference
from elinker.schema import Document, Mention


def gold(text, *mentions, alternatives=()):
    return GoldDocument(
        text,
        text,
        tuple(GoldMention(*span(text, name), entity_id) for name, entity_id in mentions),
        tuple(GoldMention(*span(text, name), entity_id) for name, entity_id in alternatives),
    )


def predicted(text, *mentions):
    return Document(text, text, tuple(Mention(*span(text, name), name, entity_id) for name, entity_id in mentions))


def span(text, name):
    return text.index(name), text.index(name) + len(name)


def test_detection_does_not_know_in_which_document_a_text_was_found():
    golds = [gold("Ada came.", ("Ada", "Q1")), gold("Ada left.")]
    answers = [predicted("Ada came."), predicted("Ada left.", ("Ada", "Q1"))]
    scores = score_reference(golds, answers)
    assert scores.detection == Counts(1, 0, 0)
    assert scores.linking == Counts(0, 1, 1)  # linking does


def test_detection_compares_texts_as_they_are_and_linking_without_the_blanks_around_them():
    text = "Ada came."
    scores = score_reference([gold(text, ("Ada", "Q1"))], [predicted(text, ("Ada ", "Q1"))])
    assert (scores.detection, scores.linking) == (Counts(0, 1, 1), Counts(1, 0, 0))


def test_an_unknown_gold_mention_takes_away_one_prediction_of_its_text_wherever_it_is():
    text = "Zed met Zed."
    benchmark = GoldDocument("d", text, (GoldMention(0, 3, None), GoldMention(8, 11, "Q5")))
    answers = Document("d", text, (Mention(0, 3, "Zed", "Q5"), Mention(8, 11, "Zed", "Q6")))
    # The unknown "Zed" takes the first, (Zed, Q5); (Zed, Q6) is left and false, (Zed, Q5) is missed.
    assert score_reference([benchmark], [answers]).linking == Counts(0, 1, 1)


def test_disambiguation_is_the_share_of_right_entities_on_given_spans_with_an_id():
    text = "Ada, Bob and Zed."
    benchmark = gold(text, ("Ada", "Q1"), ("Bob", "Q2"), ("Zed", None))
    given = predicted(text, ("Ada", "Q1"), ("Bob", None), ("Zed", "Q7"))
    assert score_reference([benchmark], [predicted(text)], [given]).disambiguation == Share(1, 2)
    assert score_reference([benchmark], [predicted(text)]).disambiguation is None


def test_nothing_to_find_and_nothing_found_is_zero_in_the_reference_code():
    assert figures(score_reference([gold("It rains.")], [predicted("It rains.")]).linking) == Figures(0.0, 0.0, 0.0)
