"""Stored predictions, ranks of passages and averages, by hand."""

import json
from pathlib import Path

import pytest

from elinker.errors import InputError
from elinker.evaluation.resampling import Resampling
from elinker.rag.evaluation.overlap import Overlap
from elinker.rag.evaluation.predictions import Found, Prediction, read_predictions, write_official
from elinker.rag.evaluation.questions import Question
from elinker.rag.evaluation.reading import read_questions
from elinker.rag.evaluation.retrieval import best_ranks, hop_ranks
from elinker.rag.evaluation.scoring import by_hops, by_type, score

SAMPLES = Path(__file__).parent / "samples"
HOTPOT = read_questions(SAMPLES / "hotpotqa_distractor.json")
WIKI = read_questions(SAMPLES / "2wiki.json", aliases=SAMPLES / "id_aliases.json")
OWN = read_questions(SAMPLES / "questions.jsonl")


def step(*names: str) -> tuple[Found, ...]:
    return tuple(Found(name, name, name) for name in names)


def hops(*names: str, in_order: bool = True) -> Question:
    return Question("q", "?", hops=tuple(frozenset([name]) for name in names), in_order=in_order)


def test_hops_in_order_look_at_the_retrieval_of_the_same_number() -> None:
    assert hop_ranks(hops("a", "b"), [step("x", "a"), step("b", "y")]) == (2, 1)
    assert hop_ranks(hops("a", "b"), [step("b"), step("a")]) == (None, None)
    assert hop_ranks(hops("a", "b"), [step("a")]) == (1, None)
    assert hop_ranks(hops("a"), [step("x"), step("a")]) == (None,)


def test_without_an_order_every_retrieval_takes_what_no_earlier_one_took() -> None:
    unordered = hops("a", "b", in_order=False)
    assert hop_ranks(unordered, [step("b", "a"), step("b", "x", "a")]) == (1, 3)
    assert hop_ranks(unordered, [step("x"), step("a"), step("a")]) == (1, None)
    assert hop_ranks(unordered, []) == (None, None)


def test_the_best_rank_may_come_from_any_retrieval() -> None:
    assert best_ranks(hops("a", "b", "c"), [step("x", "a"), step("a", "b")]) == (1, 2, None)


def test_a_passage_counts_by_its_own_id_or_that_of_its_document() -> None:
    found = Found("d1-3", "d1", "A title")
    assert hop_ranks(hops("d1"), [[found]]) == hop_ranks(hops("d1-3"), [[found]]) == (1,)
    assert hop_ranks(hops("A title"), [[found]]) == (None,)


def mean(scores, *names: str) -> list[float | None]:
    return [scores.mean(name) for name in names]


def test_hotpotqa_figures_are_means_over_all_questions() -> None:
    predictions = {
        HOTPOT[0].id: Prediction(HOTPOT[0].id, "Lisbon, Portugal", frozenset([("The Salt Road", 1), ("Porto", 0)])),
        HOTPOT[1].id: Prediction(HOTPOT[1].id, "Yes.", HOTPOT[1].facts),
    }
    scores = score(HOTPOT, predictions)
    # First: answer P 1/2, R 1; facts P 1/2, R 1/2; joint P 1/4, R 1/2, F1 1/3. Second: all 1.
    assert mean(scores, "answer_em", "answer_precision", "answer_recall") == [0.5, 0.75, 1.0]
    assert scores.mean("answer_f1") == pytest.approx((2 / 3 + 1) / 2)
    assert mean(scores, "facts_em", "facts_f1") == [0.5, 0.75]
    assert mean(scores, "joint_em", "joint_precision", "joint_recall") == [0.5, 0.625, 0.75]
    assert scores.mean("joint_f1") == pytest.approx((1 / 3 + 1) / 2)


def test_a_question_without_prediction_counts_as_wrong() -> None:
    only = {HOTPOT[1].id: Prediction(HOTPOT[1].id, "yes", HOTPOT[1].facts)}
    scores = score(HOTPOT, only)
    assert scores.missing == 1
    assert mean(scores, "answer_em", "facts_em", "joint_em") == [0.5, 0.5, 0.5]


def test_a_system_that_names_no_facts_has_no_figures_of_facts() -> None:
    scores = score(HOTPOT, {question.id: Prediction(question.id, "yes") for question in HOTPOT})
    assert mean(scores, "answer_em", "facts_em", "joint_em") == [0.5, None, None]


def test_2wiki_multiplies_three_tasks() -> None:
    triples = (("Otto Brandt", "country of citizenship", "Deutschland"),)
    facts = frozenset([("paper lanterns (film)", 0), ("otto brandt", 0)])
    first = score(WIKI, {WIKI[0].id: Prediction(WIKI[0].id, "german", facts, triples)}).scored[0].figures
    # Answer by an alias: 1. Facts in another case: 1. Evidence: one of two triples, P 1, R 1/2. Joint P 1, R 1/2.
    assert (first["answer_em"], first["facts_em"], first["evidence_em"]) == (1.0, 1.0, 0.0)
    assert (first["evidence_precision"], first["evidence_recall"]) == (1.0, 0.5)
    assert (first["joint_em"], first["joint_f1"]) == (0.0, Overlap.of(0, 1.0, 0.5).f1)


def test_2wiki_without_triples_has_no_joint_figure() -> None:
    scores = score(WIKI, {WIKI[0].id: Prediction(WIKI[0].id, "Germany", WIKI[0].facts)})
    assert mean(scores, "facts_em", "evidence_em", "joint_em") == [0.5, None, None]


def answers(*texts: str | None) -> dict[str, Prediction]:
    return {question.id: Prediction(question.id, text) for question, text in zip(OWN, texts, strict=True)}


def test_what_is_not_in_the_base_is_recognised_by_what_the_questions_want_said() -> None:
    scores = score(OWN, answers("Norway", "Not in the base.", "not in the base", "yes"))
    assert mean(scores, "recognised", "refused") == [1.0, 1 / 3]
    assert scores.count("answer_em") == 3
    assert scores.mean("answer_em") == pytest.approx(2 / 3)


def test_an_empty_answer_says_that_it_is_not_in_the_base_and_a_missing_one_does_not() -> None:
    assert score(OWN, answers("Norway", "a goalkeeper", "", "yes")).mean("recognised") == 1.0
    assert score(OWN, answers("Norway", "a goalkeeper", None, "yes")).mean("recognised") == 0.0
    assert score(OWN, answers("Norway", "a goalkeeper", "Sweden", "yes")).mean("recognised") == 0.0


def test_the_words_of_a_system_for_what_it_does_not_know_count_too() -> None:
    found = answers("I do not know.", "a goalkeeper", "I do not know.", "yes")
    assert mean(score(OWN, found, unknown="I do not know."), "recognised", "refused") == [1.0, 1 / 3]


def test_recall_is_told_down_to_the_ranks_that_a_system_fills() -> None:
    steps = (step("Q11", "x"), step("y", "Q12-2"), step("z", "w"))
    one = Prediction("q1", "Norway", steps=steps)
    scores = score(OWN, {"q1": one, "q2": Prediction("q2", "x", steps=(step("Q11", "x"),))})
    assert mean(scores, "hop_1@1", "hop_2@1", "hop_2@2", "hop_3@2") == [1.0, 0.0, 1.0, 0.0]
    assert mean(scores, "all_hops@1", "all_hops@2") == [0.5, 0.5]
    assert scores.mean("any_step@2") == pytest.approx((2 / 3 + 1) / 2)
    assert scores.mean("hop_1@5") is None


def test_labels_are_chosen_among_the_choices() -> None:
    arc = read_questions(SAMPLES / "arc.jsonl")
    texts = ("a copper wire", "B")
    scores = score(arc, {q.id: Prediction(q.id, text) for q, text in zip(arc, texts, strict=True)})
    assert mean(scores, "label", "match") == [0.5, 0.0]


def test_parts_are_by_type_and_by_number_of_hops() -> None:
    scores = score(OWN, answers("Norway", "no", "no", "yes"))
    assert {name: len(part.scored) for name, part in scores.parts(by_type).items()} == {
        "composition": 1,
        "who": 2,
        "yes/no": 1,
    }
    assert {name: part.mean("answer_em") for name, part in scores.parts(by_hops).items()} == {"1 hop": 0, "3 hops": 1}


def test_an_interval_holds_its_figure_and_is_the_same_each_time() -> None:
    scores = score(OWN, answers("Norway", "goalkeeper", "no", "no"))
    interval = scores.intervals(Resampling())["answer_em"]
    assert interval == scores.intervals(Resampling())["answer_em"]
    assert interval.value == pytest.approx(2 / 3)
    assert 0 <= interval.low < interval.value < interval.high <= 1


def stored(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "predictions.json"
    path.write_text(content, encoding="utf-8")
    return path


def test_predictions_of_hotpotqa_are_read_by_id(tmp_path: Path) -> None:
    whole = {"answer": {HOTPOT[0].id: "Lisbon"}, "sp": {HOTPOT[0].id: [["Porto", 1]], HOTPOT[1].id: []}}
    found = read_predictions(stored(tmp_path, json.dumps(whole)), HOTPOT)
    assert found[HOTPOT[0].id] == Prediction(HOTPOT[0].id, "Lisbon", frozenset([("Porto", 1)]))
    assert found[HOTPOT[1].id] == Prediction(HOTPOT[1].id, None, frozenset())


def test_predictions_of_triviaqa_are_answers_by_id(tmp_path: Path) -> None:
    questions = read_questions(SAMPLES / "triviaqa.json")
    found = read_predictions(stored(tmp_path, '{\n  "tc_9002": "7"\n}\n'), questions)
    assert found == {"tc_9002": Prediction("tc_9002", "7")}


def test_lines_are_answers_with_their_steps_and_without_the_marks_of_citations(tmp_path: Path) -> None:
    passage = {"id": "Q11-0", "document_id": "Q11", "title": "Ada Bell", "text": "…", "score": 0.9}
    line = {"id": "q1", "answer": "Norway [[2]].", "citations": [], "steps": [{"query": "?", "passages": [passage]}]}
    [found] = read_predictions(stored(tmp_path, json.dumps(line) + "\n"), OWN).values()
    assert found.answer == "Norway."
    assert found.steps == ((Found("Q11-0", "Q11", "Ada Bell"),),)


def test_what_the_scripts_take_is_what_is_read(tmp_path: Path) -> None:
    triples = (("a", "b", "c"),)
    given = [Prediction(WIKI[0].id, "Germany", WIKI[0].facts, triples), Prediction(WIKI[1].id, "", frozenset(), ())]
    write_official(tmp_path / "official.json", given)
    assert list(read_predictions(tmp_path / "official.json", WIKI).values()) == given


BROKEN = {
    '{"id": "q1"}\n': "{path}:1: the line has neither",
    '{"answer": "x"}\n{"answer": "y"}\n': "{path}:1: field 'id' is missing",
    '{"id": "q1", "answer": 3}\n': "{path}:1: the answer is no text",
    '{"id": "q1", "answer": "x"}\n{"id": "q1", "answer": "y"}\n': "{path}:2: a second answer to question 'q1'",
    '{"id": "q1", "answer": "x", "steps": [{"passages": [3]}]}\n': "{path}:1: field 'steps' has a passage",
    '{"id": "q1", "answer": "x", "supporting_facts": [["t", "0"]]}\n': "{path}:1: supporting facts are not pairs",
    '{"id": "nobody", "answer": "x"}\n': "{path}: 1 predictions are for no question of the file: nobody",
    '{"answer": {"q1": 3}}': "{path}: the answer to question 'q1' is no text",
    '{"answer": {"q1": "x"}, "sp": {"q1": "y"}}': "{path}: question 'q1': field 'supporting_facts'",
    '{"q1": 3}': "{path}: the answer to question 'q1' is no text",
    "": "{path}: no predictions",
    "nonsense": "{path}:1: not JSON",
}


@pytest.mark.parametrize("content", BROKEN)
def test_broken_predictions_are_named_with_their_place(content: str, tmp_path: Path) -> None:
    path = stored(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_predictions(path, OWN)
    assert BROKEN[content].format(path=path) in caught.value.message


def test_with_a_limit_predictions_for_the_other_questions_are_let_be(tmp_path: Path) -> None:
    path = stored(tmp_path, '{"id": "q1", "answer": "x"}\n{"id": "q2", "answer": "y"}\n')
    assert list(read_predictions(path, OWN[:1], complete=False)) == ["q1"]
