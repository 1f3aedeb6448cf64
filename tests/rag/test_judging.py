"""Models with reflection tokens: whether they retrieve, and which of several answers is the best."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from elinker.onegen.model import OneGen
    from elinker.rag.rag import Rag

NAMES = {
    "retrieve": "[Retrieval]",
    "no_retrieve": "[No Retrieval]",
    "relevant": "[Relevant]",
    "irrelevant": "[Irrelevant]",
    "support": ["[Full]", "[Partial]", "[None]"],
    "utility": ["[U:1]", "[U:2]", "[U:3]", "[U:4]", "[U:5]"],
}
QUESTIONS = [f"Who is {name}?" for name in ("Steve", "Apple", "Paris", "Merkel", "Stanford", "Pixar")]


@pytest.fixture(scope="module")
def judging(fresh: Callable[..., "OneGen"], settings_of_answering: Callable[..., Any]) -> "OneGen":
    import torch

    plain = settings_of_answering("llama").model_dump()
    names = [name for value in NAMES.values() for name in ([value] if isinstance(value, str) else value)]
    tokens = [*plain["tokens"][:4], *({"text": name, "role": "GEN", "description": "of a text"} for name in names)]
    reflecting = plain["answering"] | {"answer_open": "", "answer_close": "", "reflection": NAMES}
    onegen = fresh("llama", settings=settings_of_answering("llama", tokens=tokens, answering=reflecting))
    output = onegen.model.get_output_embeddings()
    layout = onegen.answering
    with torch.no_grad():
        output.bias = torch.nn.Parameter(torch.zeros(output.weight.shape[0]))
        noise = torch.randn(len(layout.reflection), output.weight.shape[1], generator=torch.Generator().manual_seed(1))
        output.weight[list(layout.reflection.values())] = 0.4 * noise  # they started as copies of one another
        output.bias[list(layout.reflection.values())] += 2.5
        output.bias[layout.end] += 3.0
    return onegen


@pytest.fixture
def rag_of(judging: "OneGen", tmp_path: Path, documents: Any) -> "Callable[..., Rag]":
    from elinker.rag.indexing import build_index
    from elinker.rag.rag import Rag
    from elinker.rag.settings import RagSettings

    index = build_index(documents, judging, tmp_path / "index", size=24)
    return lambda **keys: Rag(judging, index, RagSettings(**{"top_k": 3, "max_tokens": 15, **keys}))


def shares(rag: "Rag", question: str) -> float:
    """The probability of retrieving, of the two tokens that decide it, from a pass over the prompt."""
    import torch

    layout = rag.layout
    with torch.inference_mode():
        state = rag.onegen.backbone(torch.tensor([layout.prompt(question)]))[0, -1:]
        logits = rag.onegen.backbone.logits(state)[0]
    both = logits[[layout.reflection["[Retrieval]"], layout.reflection["[No Retrieval]"]]]
    return float(torch.softmax(both, dim=0)[0])


def test_the_model_decides_by_the_probabilities_of_two_tokens(rag_of: "Callable[..., Rag]") -> None:
    rag = rag_of()
    wanted = [shares(rag, question) > 0.5 for question in QUESTIONS]
    assert [bool(answer.steps) for answer in rag.answers(QUESTIONS)] == wanted
    middle = sorted(shares(rag, question) for question in QUESTIONS)[2] + 1e-6
    some = [bool(answer.steps) for answer in rag_of(threshold=middle).answers(QUESTIONS)]
    assert some == [shares(rag, question) > middle for question in QUESTIONS]
    assert len(set(some)) == 2


def test_always_and_never_do_not_ask_the_model(rag_of: "Callable[..., Rag]") -> None:
    assert all(len(answer.steps) == 1 for answer in rag_of(mode="always").answers(QUESTIONS))
    assert all(not answer.steps for answer in rag_of(mode="never").answers(QUESTIONS))


def candidates(rag: "Rag", question: str) -> dict[str, tuple[str, float]]:
    """Each passage's answer and score, everything read again for every token."""
    import torch

    layout, backbone = rag.layout, rag.onegen.backbone
    reflection = layout.reflection
    start = [*layout.prompt(question), reflection["[Retrieval]"], layout.query]
    never = torch.tensor(sorted({*layout.forbidden, layout.query, rag.onegen.pad} - {layout.end}))
    with torch.inference_mode():
        vector = backbone(torch.tensor([start]))[0, -1:].numpy()
        found = {}
        for retrieved in rag.index.retrieve(vector, rag.settings.top_k)[0]:
            ids = [*start, *layout.context(retrieved.passage.title, retrieved.passage.text)]
            read, score, seen = len(ids), 0.0, set()
            for number in range(rag.settings.max_tokens):
                logits = backbone.logits(backbone(torch.tensor([ids]))[0, -1:])[0]
                logits[never] = -torch.inf
                token = int(logits.argmax())
                if number == 0:
                    score += share(logits, [reflection["[Relevant]"], reflection["[Irrelevant]"]])[0]
                support = [reflection[name] for name in NAMES["support"]]
                if token in support and "support" not in seen:
                    full, partial, _ = share(logits, support)
                    score, seen = score + full + partial / 2, {*seen, "support"}
                grades = [reflection[name] for name in NAMES["utility"]]
                if token in grades and "utility" not in seen:
                    weighted = zip((-1.0, -0.5, 0.0, 0.5, 1.0), share(logits, grades), strict=True)
                    score, seen = score + 0.5 * sum(grade * part for grade, part in weighted), {*seen, "utility"}
                ids.append(token)
                if token == layout.end:
                    break
            words = [token for token in ids[read:] if token not in layout.structure]
            done = ids[-1] == layout.end and words
            found[retrieved.passage.id] = (layout.decode(words).strip() if done else None, score)
    return found


def share(logits: Any, ids: list[int]) -> list[float]:
    import torch

    return [float(part) for part in torch.softmax(logits[ids].double(), dim=0)]


def test_the_answer_with_the_best_judgements_is_given(rag_of: "Callable[..., Rag]") -> None:
    rag = rag_of(mode="always")
    chosen = set()
    for question in QUESTIONS:
        by_passage = candidates(rag, question)
        answer = rag.answer(question)
        assert {found.passage.id for found in answer.steps[0].passages} == set(by_passage)
        best = max(by_passage.values(), key=lambda pair: pair[1])
        assert answer.text == best[0]
        chosen.add(list(by_passage.values()).index(best))
    assert len(chosen) > 1, "the nearest passage was always the best: nothing was shown"


def test_candidates_are_worked_on_beside_other_questions(rag_of: "Callable[..., Rag]") -> None:
    rag = rag_of()
    alone = [rag.answer(question).text for question in QUESTIONS]
    assert [answer.text for answer in rag.answers(QUESTIONS, batch_size=4)] == alone


def test_every_token_of_every_candidate_is_counted(rag_of: "Callable[..., Rag]") -> None:
    answer = rag_of(mode="always").answer(QUESTIONS[0])
    assert answer.tokens_read > answer.steps[0].tokens_read > 0
    assert answer.tokens_written >= 2 + len(answer.steps[0].passages)


def test_hand_worked_scores(judging: "OneGen") -> None:
    """Relevance 0.8; full support 0.5 and partial 0.4; grades 0.1, 0.1, 0.2, 0.2, 0.4: 0.8 + 0.7 + 0.5 · 0.35."""
    import torch

    from elinker.onegen.rows import RowCache
    from elinker.rag.answer import Passage, Retrieved
    from elinker.rag.judging import CandidateRow, JudgingRow
    from elinker.rag.rows import Query
    from elinker.rag.settings import RagSettings

    layout = judging.answering
    parent = JudgingRow(0, Query("Who?"), [5], RowCache(4), layout, RagSettings())
    candidate = CandidateRow(parent, Retrieved(Passage("p", "p", "", "x", 0, 1), 0.5), [5])

    def logits(names: list[str], probabilities: tuple[float, ...]) -> Any:
        scores = torch.full((len(judging.tokenizer),), -30.0)
        for name, value in zip(names, probabilities, strict=True):
            scores[layout.reflection[name]] = torch.tensor(value).log()
        return scores

    candidate.take(layout.reflection["[Relevant]"], logits(["[Relevant]", "[Irrelevant]"], (0.8, 0.2)))
    candidate.take(layout.source("text").ids[0], logits([], ()))
    candidate.take(layout.reflection["[Full]"], logits(["[Full]", "[Partial]", "[None]"], (0.5, 0.4, 0.1)))
    grades = [f"[U:{grade}]" for grade in range(1, 6)]
    candidate.take(layout.reflection["[U:5]"], logits(grades, (0.1, 0.1, 0.2, 0.2, 0.4)))
    assert candidate.score(1.0, 1.0, 0.5) == pytest.approx(0.8 + 0.7 + 0.5 * (-0.1 - 0.05 + 0.1 + 0.4), abs=1e-4)
    assert candidate.score(1.0, 0.0, 0.0) == pytest.approx(0.8, abs=1e-4)
