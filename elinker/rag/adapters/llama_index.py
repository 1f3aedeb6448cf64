"""Rag in LlamaIndex: a retriever over its passages, and a query engine that answers with its own retrieval.

Needs the extra `llama-index` (llama-index-core alone).
"""

import asyncio
from collections.abc import Sequence

from elinker.errors import MissingExtraError
from elinker.rag.answer import Answer, Passage, Retrieved
from elinker.rag.rag import Rag

try:
    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.base.response.schema import Response
    from llama_index.core.prompts.mixin import PromptMixinType
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
except ImportError:
    raise MissingExtraError("llama-index-core", "llama-index") from None


class RagRetriever(BaseRetriever):
    """The passages that a query finds, as text nodes with their scores.

    Args:
        rag: the pipeline.
        k: passages a query; by default the pipeline's `top_k`.
        entities: only passages in which one of these is linked; empty for all.
    """

    def __init__(self, rag: Rag, *, k: int | None = None, entities: Sequence[str] = ()) -> None:
        super().__init__()
        self._rag = rag
        self._k = k
        self._entities = entities

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            _node(found) for found in self._rag.retrieve(query_bundle.query_str, k=self._k, entities=self._entities)
        ]


class RagQueryEngine(BaseQueryEngine):
    """Answers questions from the pipeline's passages.

    A response's source nodes are the passages that were read, in order; its metadata are the whole answer as JSON
    values. Its text is None where no answer was written.

    Args:
        rag: the pipeline.
    """

    def __init__(self, rag: Rag) -> None:
        super().__init__(callback_manager=None)
        self._rag = rag

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _query(self, query_bundle: QueryBundle) -> Response:
        return _response(self._rag.answer(query_bundle.query_str))

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)


def _response(answer: Answer) -> Response:
    read = [_node(retrieved) for step in answer.steps for retrieved in step.passages]
    return Response(response=answer.text, source_nodes=read, metadata=answer.to_json())


def _node(retrieved: Retrieved) -> NodeWithScore:
    return NodeWithScore(node=_text(retrieved.passage), score=retrieved.score)


def _text(passage: Passage) -> TextNode:
    values = passage.to_json()
    return TextNode(
        id_=values.pop("id"),
        text=values.pop("text"),
        start_char_idx=values.pop("start"),
        end_char_idx=values.pop("end"),
        metadata=values,
    )
