"""Rag in LangChain: a retriever over its passages, and a language model that answers with its own retrieval.

Needs the extra `langchain` (langchain-core alone).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from elinker.errors import MissingExtraError
from elinker.rag.answer import Answer, Retrieved
from elinker.rag.events import Finished, Written

try:
    from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.language_models import BaseLLM
    from langchain_core.outputs import Generation, GenerationChunk, LLMResult
    from langchain_core.retrievers import BaseRetriever
except ImportError:
    raise MissingExtraError("langchain-core", "langchain") from None


class RagRetriever(BaseRetriever):
    """The passages that a query finds.

    Args:
        rag: the pipeline.
        k: passages a query; by default the pipeline's `top_k`.
        entities: only passages in which one of these is linked; empty for all.
    """

    rag: Any
    k: int | None = None
    entities: tuple[str, ...] = ()

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.rag.retrieve(query, k=self.k, entities=self.entities)
        return [_document(retrieved) for retrieved in found]


class RagLLM(BaseLLM):
    """A language model whose prompt is a question, answered from the pipeline's passages.

    `generation_info` of a result is the whole answer as JSON values: steps, citations, tokens. The text of a question
    without answer is empty. Of several prompts, up to 16 are worked on side by side.

    Args:
        rag: the pipeline.
    """

    rag: Any

    @property
    def _llm_type(self) -> str:
        return "elinker-rag"

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        answers: Iterator[Answer] = self.rag.answers(prompts)
        return LLMResult(
            generations=[
                [Generation(text=_until(answer.text or "", stop), generation_info=answer.to_json())]
                for answer in answers
            ]
        )

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        """The answer as it is written, without the sub-questions; at the end the whole answer as JSON values."""
        for event in self.rag.stream(prompt):
            if isinstance(event, Written) and event.answer:
                chunk = GenerationChunk(text=event.text)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            elif isinstance(event, Finished):
                yield GenerationChunk(text="", generation_info=event.answer.to_json())


def _document(retrieved: Retrieved) -> Document:
    values = retrieved.to_json()
    return Document(page_content=values.pop("text"), id=values.pop("id"), metadata=values)


def _until(text: str, stop: Sequence[str] | None) -> str:
    ends = [place for word in stop or () if (place := text.find(word)) >= 0]
    return text[: min(ends)] if ends else text
