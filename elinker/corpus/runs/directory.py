"""The folder of a run: `run.json`, parts, the journal, `summary.json`; what may be gone on with, and from where.

A part's files are written first and its line in the journal after them, so that a file without a line is a remnant,
and a line without its files is damage. Both are made again.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from elinker.corpus.losses import Loss, Losses
from elinker.corpus.runner import Summary
from elinker.corpus.runs.journal import JOURNAL, Entry, PartFile, lines, read_entries
from elinker.corpus.runs.machine import versions
from elinker.corpus.runs.part import Part
from elinker.corpus.runs.settings import check_same
from elinker.corpus.runs.storage import Storage
from elinker.errors import ElinkerError, UsageError

SETTINGS = "run.json"
SUMMARY = "summary.json"

_PART = re.compile(r"part-\d{5,}\..+")


class RunDirectory:
    """A run's files in a storage. `check` and `begin` come first, in this order, under the storage's lock."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.entries: dict[int, Entry] = {}
        """The finished shards."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.storage.name

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse what cannot be begun or gone on with, before anything is loaded.

        Raises:
            UsageError: a run is there and neither is set, or other files are.
        """
        names = self.storage.sizes()
        if SETTINGS not in names:
            foreign = next((name for name in names), None)
            if foreign is not None:
                raise UsageError(f"{self.name} holds other files ({foreign})", hint="name a new or empty folder")
        elif not resume and not overwrite:
            raise UsageError(f"{self.name} holds a run", hint="--resume goes on with it, --overwrite starts again")

    def begin(self, settings: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Write `run.json`, or hold it against these settings and find out what is finished; `overwrite` starts again.

        Raises:
            UsageError: the run was begun with other settings.
            ElinkerError: `run.json` is damaged.
        """
        settings = json.loads(json.dumps(settings, default=str))  # as they come back from the file
        self.storage.clean()
        if overwrite:
            self._clear()
        if SETTINGS in self.storage.sizes():
            check_same(self.name, self._settings(), settings)
            self._recover()
        else:
            self.storage.remove_log(JOURNAL)
            self._write_json(SETTINGS, settings)

    def add(self, part: Part, *, read: str, seconds: float) -> None:
        """Write a part and then its line in the journal."""
        for name, content in part.files.items():
            self.storage.write(name, content)
        entry = Entry(
            shard=part.number,
            read=read,
            documents=part.counts.documents,
            bad=part.counts.bad,
            mentions=part.counts.mentions,
            linked=part.counts.linked,
            tokens=part.counts.tokens,
            seconds=round(seconds, 3),
            losses={loss.name: count for loss, count in part.losses.items() if count},
            files=tuple(PartFile.of(name, content) for name, content in part.files.items()),
        )
        self.storage.append_log(JOURNAL, entry.line())
        self.entries[part.number] = entry

    def summary(self) -> dict[str, Any] | None:
        """`summary.json`, which says that the run is complete; None while it is not."""
        if SUMMARY not in self.storage.sizes():
            return None
        try:
            value = json.loads(self.storage.read(SUMMARY))
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def finish(self, command: Sequence[str]) -> dict[str, Any]:
        """Write and return `summary.json`: counts, time, versions and settings, enough to repeat the run."""
        counts = self.counts()
        read = hashlib.sha256("".join(self.entries[number].read for number in sorted(self.entries)).encode())
        summary = {
            "shards": len(self.entries),
            **asdict(counts),
            "seconds": round(counts.seconds, 3),
            "losses": {loss.name: count for loss, count in self.losses().items()},
            "sha256_of_what_was_read": read.hexdigest(),
            "command": list(command),
            "versions": versions(),
            "settings": self._settings(),
        }
        self._write_json(SUMMARY, summary)
        return summary

    def counts(self) -> Summary:
        """What the finished shards hold; `seconds` is the time spent on them by all calls together."""
        total = Summary()
        for entry in self.entries.values():
            total.documents += entry.documents
            total.bad += entry.bad
            total.mentions += entry.mentions
            total.linked += entry.linked
            total.tokens += entry.tokens
            total.seconds += entry.seconds
        return total

    def losses(self) -> Losses:
        """What the format could not hold."""
        total = Losses()
        for entry in self.entries.values():
            total.update({Loss[name]: count for name, count in entry.losses.items()})
        return total

    def _settings(self) -> Mapping[str, Any]:
        try:
            value = json.loads(self.storage.read(SETTINGS))
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ElinkerError(f"{self.name}/{SETTINGS} is damaged", hint="start again with --overwrite")
        return value

    def _recover(self) -> None:
        """Take over the shards whose files are as the journal says; remove what belongs to none of them."""
        journal = self.storage.read_log(JOURNAL)
        sizes = self.storage.sizes()
        found = read_entries(journal)
        self.entries = {
            number: entry
            for number, entry in sorted(found.items())
            if all(self._is_whole(file, sizes) for file in entry.files)
        }
        kept = {file.name for entry in self.entries.values() for file in entry.files}
        complete = (self.summary() or {}).get("shards") == len(self.entries)
        for name in sizes:
            if (_PART.fullmatch(name) and name not in kept) or (name == SUMMARY and not complete):
                self.storage.remove(name)
        mended = lines(self.entries.values())
        if mended != journal:
            self.storage.write_log(JOURNAL, mended)

    def _is_whole(self, file: PartFile, sizes: Mapping[str, int]) -> bool:
        return sizes.get(file.name) == file.size and self.storage.sha256(file.name) in (file.sha256, None)

    def _clear(self) -> None:
        """Remove the run's own files, `run.json` last: until then it is a run."""
        self.storage.remove(SUMMARY)
        self.storage.remove_log(JOURNAL)
        for name in self.storage.sizes():
            if _PART.fullmatch(name):
                self.storage.remove(name)
        self.storage.remove(SETTINGS)

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        content = json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
        self.storage.write(name, content.encode("utf-8", "backslashreplace"))
