"""The OpenAPI description and the service agree, whatever is sent: schemathesis makes requests from the one."""

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

if TYPE_CHECKING:
    from elinker.linking.linker import Linker


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
OPERATIONS = (
    "POST /annotate",
    "POST /disambiguate",
    "POST /search",
    "GET /search",
    "GET /health",
    "GET /health/live",
    "GET /version",
    "GET /metrics",
)


@pytest.fixture(scope="module")
def operations(linker: "Linker") -> dict[str, Any]:
    """What the description names, by method and path."""
    from elinker.service.app import create_app

    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(linker))
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


def test_every_route_is_described(operations: dict[str, Any]) -> None:
    assert sorted(operations) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_described_is_answered_as_described(operations: dict[str, Any], name: str) -> None:
    ask(operations[name], GenerationMode.POSITIVE)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.endswith(("annotate", "disambiguate", "search"))])
def test_what_is_not_described_is_refused_as_described(operations: dict[str, Any], name: str) -> None:
    ask(operations[name], GenerationMode.NEGATIVE)


def ask(operation: Any, mode: GenerationMode) -> None:
    """Requests to one operation, always the same ones, and what is wrong with the answers."""

    @settings(max_examples=25, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    each()
