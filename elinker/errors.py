"""The family of errors that a user can cause. Each says in one line what is wrong and, in `hint`, what to do."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError

_LISTED = 10
"""Items that a message names at most."""


class ElinkerError(Exception):
    """Base of all errors raised on purpose. The command line prints it as one line and exits with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.message, self.hint)


class UsageError(ElinkerError):
    """A command, an option or an argument that cannot be carried out as given."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file with a missing, unknown or wrong key; the message names the key."""


class InputError(ElinkerError):
    """A document, row or file that cannot be read; the message names file, line or field."""


class ModelError(ElinkerError):
    """A model directory that is not a usable OneGen model."""


class KnowledgeBaseError(ElinkerError):
    """A knowledge base that is damaged, or was made by another model."""


class MissingExtraError(UsageError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed", hint=f"pip install 'elinker[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_extra, (self.message, self.hint)


def listed(items: "Sequence[str]") -> str:
    """The first items of many for a message, and how many more there are."""
    more = len(items) - _LISTED
    return ", ".join(items[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def first_problem(error: "ValidationError") -> str:
    """The first thing that pydantic found wrong with a file, as `key: message`."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
    return f"{key}: {first['msg']}"


def _restore(kind: type[ElinkerError], message: str, hint: str | None) -> ElinkerError:
    return kind(message, hint=hint)


def _restore_extra(message: str, hint: str | None) -> MissingExtraError:
    error = MissingExtraError("", "")
    error.args, error.message, error.hint = (message,), message, hint
    return error
