"""Question files in the datasets' own formats, from samples of their form with questions made up for these tests."""

import json
from pathlib import Path

import pytest

from elinker.errors import InputError, UsageError
from elinker.rag.evaluation.questions import Page
from elinker.rag.evaluation.reading import FORMATS, format_of, read_questions

SAMPLES = Path(__file__).parent / "samples"
FORMAT_OF = {
    "2wiki.json": "2wiki",
    "arc.jsonl": "arc",
    "arc_hub.jsonl": "arc",
    "hotpotqa_blind.json": "hotpotqa",
    "hotpotqa_distractor.json": "hotpotqa",
    "hotpotqa_fullwiki.json": "hotpotqa",
    "popqa.tsv": "popqa",
    "pubhealth.jsonl": "pubhealth",
    "pubhealth.tsv": "pubhealth",
    "questions.jsonl": "jsonl",
    "triviaqa.json": "triviaqa",
}


@pytest.mark.parametrize("name", FORMAT_OF)
def test_the_content_tells_the_format(name: str) -> None:
    assert format_of(SAMPLES / name) == FORMAT_OF[name]


def test_every_format_has_a_sample() -> None:
    assert set(FORMAT_OF.values()) == set(FORMATS)


def test_hotpotqa_has_supporting_sentences_of_pages() -> None:
    question = read_questions(SAMPLES / "hotpotqa_distractor.json")[0]
    assert question.answers == ("Lisbon",)
    assert question.type == "bridge"
    assert question.facts == {("The Salt Road", 1), ("Inês Valadares", 0)}
    assert question.hops == (frozenset({"The Salt Road"}), frozenset({"Inês Valadares"}))
    assert [page.title for page in question.pages] == ["The Salt Road", "Inês Valadares", "Salt road", "Porto"]


def test_a_blind_test_set_has_questions_without_answers() -> None:
    [question] = read_questions(SAMPLES / "hotpotqa_blind.json")
    assert (question.answers, question.facts, question.hops) == ((), None, ())


def test_sentences_of_a_page_lie_where_their_spans_say() -> None:
    for page in (*read_questions(SAMPLES / "hotpotqa_distractor.json")[0].pages, *two_wiki()[0].pages):
        assert all(page.text[start:end].strip() for start, end in page.spans)
        assert page.sentence_at(*page.spans[-1]) == len(page.spans) - 1


def test_sentences_without_a_blank_between_them_get_one() -> None:
    page = Page.of_sentences("t", ("One.", "Two.", " Three."))
    assert page.text == "One. Two. Three."
    assert [page.text[start:end] for start, end in page.spans] == ["One.", "Two.", " Three."]


def two_wiki():
    return read_questions(SAMPLES / "2wiki.json", aliases=SAMPLES / "id_aliases.json")


def test_aliases_of_2wiki_are_gold_answers_and_spellings_of_evidence() -> None:
    compositional, comparison = two_wiki()
    assert compositional.answers == ("Germany", "Federal Republic of Germany", "Deutschland", "German")
    assert ("Otto J. Brandt", "country of citizenship", "Deutschland") in compositional.evidence[1]
    assert len(compositional.evidence[1]) == 2 * 4
    assert comparison.answers == ("no",)
    assert [len(spellings) for spellings in comparison.evidence] == [1, 1, 1, 1]


def test_without_the_file_of_aliases_the_answer_stands_alone() -> None:
    assert read_questions(SAMPLES / "2wiki.json")[0].answers == ("Germany",)


def test_triviaqa_compares_normalised_aliases_and_matches_raw_ones() -> None:
    mass, seven = read_questions(SAMPLES / "triviaqa.json")
    assert mass.answers == ("bach s mass", "mass in b minor", "b minor mass")
    assert mass.raw_answers == ("Mass in B minor", "Bach's Mass", "B-minor Mass")
    assert seven.answers == ("seven", "7", "The seven")


def test_of_a_verified_file_of_triviaqa_only_its_questions_count(tmp_path: Path) -> None:
    whole = json.loads((SAMPLES / "triviaqa.json").read_text(encoding="utf-8")) | {"VerifiedEval": True}
    for place, question in enumerate(whole["Data"]):
        question["QuestionPartOfVerifiedEval"] = place == 1
    path = tmp_path / "verified.json"
    path.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    assert [question.id for question in read_questions(path)] == ["tc_9002"]


def test_popqa_is_a_table_whose_answers_are_json() -> None:
    capital, author = read_questions(SAMPLES / "popqa.tsv")
    assert (capital.id, capital.answers, capital.type) == ("900001", ("Lisbon", "Lisboa"), "capital")
    assert author.answers == ("William Shakespeare", "Shakespeare")


def test_both_forms_of_arc_are_the_same_question() -> None:
    published, hub = read_questions(SAMPLES / "arc.jsonl")[0], read_questions(SAMPLES / "arc_hub.jsonl")[0]
    assert published == hub
    assert published.text.endswith("\nA: a copper wire\nB: a rubber band\nC: a glass rod\nD: a dry stick")


def test_numbers_of_choices_become_letters() -> None:
    question = read_questions(SAMPLES / "arc.jsonl")[1]
    assert (question.answers, list(question.choices)) == (("C",), ["A", "B", "C", "D"])


def test_both_forms_of_pubhealth_ask_for_the_same_verdict() -> None:
    table, lines = read_questions(SAMPLES / "pubhealth.tsv"), read_questions(SAMPLES / "pubhealth.jsonl")
    assert [(q.text, q.answers) for q in table] == [(q.text, q.answers) for q in lines]


def test_own_questions_say_what_each_hop_needs() -> None:
    composed, who, unanswerable, town = read_questions(SAMPLES / "questions.jsonl")
    assert composed.hops == (frozenset({"Q11"}), frozenset({"Q12", "Q12-2"}), frozenset({"Q13"}))
    assert who.hops == (frozenset({"Q11"}),)
    assert not unanswerable.answerable
    assert town.id == "questions.jsonl:4"
    assert [(page.id, page.title) for page in town.pages] == [("9", "Ostervik")]


def test_a_limit_is_how_many_are_read() -> None:
    assert len(read_questions(SAMPLES / "questions.jsonl", limit=2)) == 2


BROKEN = {
    "not json\n": "{path}: not JSON",
    '{"id": "a", "answers": []}\n': "format of these questions is not clear",
    '{"question": "Who?"}\n{"question": " "}\n': "{path}:2: field 'question' is no text",
    '{"id": "a", "question": "Who?"}\n{"id": "a", "question": "What?"}\n': "{path}:2: a second question 'a'",
    '{"question": "Who?", "hops": [1]}\n': "{path}:1: field 'hops.0' is not a list of texts",
    '{"question": "Who?", "hops": [[]]}\n': "{path}:1: field 'hops.0' names no passage",
    '{"question": "Who?", "answers": "Ann"}\n': "{path}:1: field 'answers' is not a list of texts",
    '{"question": "Who?", "answerable": "no"}\n': "{path}:1: field 'answerable' is neither true nor false",
    '[{"_id": "x", "question": "Who?", "context": [["t"]]}]': "{path}: question 1: field 'context'",
    '[{"_id": "x", "question": "Who?", "context": [], "supporting_facts": [["t", "0"]]}]': "field 'supporting",
    '[{"question": "Who?", "context": [], "_id": null}]': "{path}: question 1: the question has no id",
    '[{"_id": "x", "question": "W", "context": [], "evidences": [["a"]]}]': "{path}: question 1: field 'evidences'",
    "[1, 2]": "{path}: the list holds something that is no object",
    "[\n{,}]": "{path}: not JSON: ",
    '[{"_id": "x", "question": "\\ud800", "context": []}]': "has a lone surrogate",
    "[]": "{path}: no questions",
    "": "{path}: no questions",
    '{"Data": [{"QuestionId": "x"}]}': "{path}: question 1: field 'Question' is no text",
    '{"question": "W", "choices": {"text": ["a"], "label": []}, "answerKey": "A"}': "{path}:1: 0 labels for 1 choices",
    '{"question": "W", "choices": {"text": ["a"], "label": ["A"]}, "answerKey": "B"}': "{path}:1: 'answerKey' 'B'",
    '{"claim": "W", "label": "maybe"}': "{path}:1: verdict 'maybe' is none of",
    "id\tquestion\tpossible_answers\n1\tWho?\t[\n": "{path}:2: column 'possible_answers' is no JSON list",
}


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_broken_is_named_with_its_place(content: str, tmp_path: Path) -> None:
    path = tmp_path / "questions.x"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_questions(path)
    assert BROKEN[content].format(path=path) in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_questions(tmp_path / "none.json")


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="hotpotqa"):
        read_questions(SAMPLES / "questions.jsonl", format="squad")


def test_aliases_mean_something_for_2wiki_alone() -> None:
    with pytest.raises(UsageError, match="2WikiMultihopQA"):
        read_questions(SAMPLES / "questions.jsonl", aliases=SAMPLES / "id_aliases.json")
