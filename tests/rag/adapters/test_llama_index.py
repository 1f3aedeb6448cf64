"""Rag as a retriever and a query engine of LlamaIndex, with llama-index-core itself."""

import asyncio

import pytest

pytest.importorskip("llama_index.core")

from elinker.rag.adapters.llama_index import RagQueryEngine, RagRetriever

QUESTION = "Who lives in Paris?"


def test_a_retriever_gives_the_passages_that_the_pipeline_finds(rag) -> None:
    nodes = RagRetriever(rag, k=3).retrieve(QUESTION)
    found = rag.retrieve(QUESTION, k=3)
    assert [node.node_id for node in nodes] == [one.passage.id for one in found]
    assert [node.score for node in nodes] == [one.score for one in found]


def test_a_node_says_where_its_text_lies_in_its_document(rag, documents) -> None:
    texts = {document.id: document.text for document in documents}
    for node in RagRetriever(rag, k=6).retrieve("Steve"):
        text = node.node
        assert texts[text.metadata["document_id"]][text.start_char_idx : text.end_char_idx] == text.text


def test_an_engine_answers_as_the_pipeline_does(rag) -> None:
    response, answer = RagQueryEngine(rag).query(QUESTION), rag.answer(QUESTION)
    assert response.response == answer.text
    assert response.metadata == answer.to_json()
    read = [one.passage.id for step in answer.steps for one in step.passages]
    assert [node.node_id for node in response.source_nodes] == read


def test_an_engine_answers_asynchronously_too(rag) -> None:
    assert asyncio.run(RagQueryEngine(rag).aquery(QUESTION)).response == rag.answer(QUESTION).text
