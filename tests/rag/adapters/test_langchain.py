"""Rag as a retriever and a language model of LangChain, with langchain-core itself."""

import pytest

pytest.importorskip("langchain_core")

from langchain_core.runnables import RunnablePassthrough

from elinker.rag.adapters.langchain import RagLLM, RagRetriever
from elinker.rag.rag import Rag
from elinker.rag.settings import RagSettings


def test_a_retriever_gives_the_passages_that_the_pipeline_finds(rag) -> None:
    documents = RagRetriever(rag=rag, k=3).invoke("the capital of France")
    found = rag.retrieve("the capital of France", k=3)
    assert [document.page_content for document in documents] == [one.passage.text for one in found]
    assert [document.id for document in documents] == [one.passage.id for one in found]
    assert documents[0].metadata["score"] == pytest.approx(found[0].score, abs=1e-4)


def test_a_retriever_may_be_kept_to_entities(rag) -> None:
    [document] = RagRetriever(rag=rag, k=3, entities=("Q61",)).invoke("Paris")
    assert document.metadata["entities"] == ["Q61"]


def test_a_model_answers_as_the_pipeline_does(rag) -> None:
    questions = ["Who lives in Paris?", "Who was the CEO of Apple?"]
    result = RagLLM(rag=rag).generate(questions)
    answers = list(rag.answers(questions))
    assert [one.text for [one] in result.generations] == [answer.text or "" for answer in answers]
    assert [one.generation_info for [one] in result.generations] == [answer.to_json() for answer in answers]


def test_a_model_is_a_part_of_a_chain(rag) -> None:
    chain = RunnablePassthrough() | RagLLM(rag=rag) | (lambda text: text.upper())
    assert chain.invoke("Who lives in Paris?") == (rag.answer("Who lives in Paris?").text or "").upper()


def test_an_answer_ends_before_a_stop_word(answering, indexes) -> None:
    rag = Rag(answering["llama"], indexes["llama"], RagSettings(max_tokens=60))
    questions = [f"{number} {word}" for number in range(8) for word in ("Paris", "Steve", "speech", "naïve")]
    answer = next(answer for answer in rag.answers(questions) if len(answer.text or "") > 1)
    text = RagLLM(rag=rag).invoke(answer.question, stop=[answer.text[1:]])
    assert text == answer.text[: answer.text.find(answer.text[1:])]


def test_what_is_streamed_is_the_answer_alone(rag) -> None:
    from elinker.rag.events import Written

    question = "Who lives in Paris?"
    written = "".join(e.text for e in rag.stream(question) if isinstance(e, Written) and e.answer)
    assert "".join(RagLLM(rag=rag).stream(question)) == written
