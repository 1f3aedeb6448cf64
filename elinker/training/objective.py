"""Both losses of a batch as one module, whatever model is behind it and however many processes share the batch.

It decides what is compared with what; the loss functions are in `losses`, the optimiser and the run in `trainer`.
"""

import random
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from elinker.onegen.decoding import pad
from elinker.onegen.layout import TokenSequence
from elinker.onegen.model import OneGen
from elinker.onegen.settings import Role
from elinker.training.anchors import Anchor, anchors_of
from elinker.training.batches import Batch
from elinker.training.config import LossConfig
from elinker.training.documents import DocumentBank
from elinker.training.examples import Example
from elinker.training.losses import BPR, InfoNCE, generation_loss, sampled_vocabulary
from elinker.training.ranks import Ranks

Figures = dict[str, Tensor]
"""`loss` to be minimised, `generation` and `retrieval` as parts of the batch's losses, `right` and `linked` counts.

All are scalars of this process; sums over the processes are those of the batch, but for `loss`: its mean is.
"""

_REFRESH_BATCH = 128


class Objective(nn.Module):
    """`forward(batch)` gives the losses, `forward(rows=…)` vectors of documents; both go through what wraps the module.

    Every process is given the whole batch, and reads its own share of the texts and of the documents. Document vectors
    are gathered with their gradients, and sums are divided by counts of the whole batch, so that the mean gradient over
    the processes is the gradient of one process that reads everything.

    Args:
        config: the losses.
        onegen: the model; its backbone becomes part of the module.
        bank: the documents.
        ranks: the processes.
        seed: of the draws.
    """

    def __init__(self, config: LossConfig, onegen: OneGen, bank: DocumentBank, ranks: Ranks, seed: int) -> None:
        super().__init__()
        self.backbone = onegen.backbone
        self.nil = nn.Parameter(torch.full((1,), 0.4, device=onegen.device))  # FSDP shards no scalars
        self.ranks = ranks
        self._config = config
        self._pad, self._markers = onegen.pad, torch.tensor(onegen.markers)
        self._bank = bank
        self._seed = seed
        self._vocabulary = int(onegen.model.get_output_embeddings().weight.shape[0])
        self._loss = (InfoNCE if config.retrieval == "infonce" else BPR)(config.temperature)

    def forward(self, batch: Batch | None = None, rows: Sequence[int] | None = None) -> Figures | Tensor:
        """See the class."""
        if batch is None:
            return self._encode_all(rows or ())
        generator = random.Random(f"{self._seed}-{batch.number}")
        own = self.ranks.own(range(len(batch.examples)))
        row_of = {example: row for row, example in enumerate(own)}
        hidden = self._read([batch.examples[example].sequence for example in own or (0,)])
        generation = self._generation(batch.examples, row_of, hidden, generator)
        retrieval, right, linked = self._retrieval(batch.examples, row_of, hidden, generator)
        loss = self._config.generation_weight * generation + self._config.retrieval_weight * retrieval
        return {
            "loss": loss * self.ranks.size,
            "generation": generation.detach(),
            "retrieval": retrieval.detach(),
            "right": right,
            "linked": linked,
        }

    def _read(self, sequences: Sequence[TokenSequence]) -> Tensor:
        device = self.nil.device
        ids = pad([sequence.ids for sequence in sequences], self._pad, device)
        hidden: Tensor = self.backbone(ids, types=pad([sequence.types for sequence in sequences], 0, device))
        return hidden

    def _generation(
        self, examples: Sequence[Example], row_of: dict[int, int], hidden: Tensor, generator: random.Random
    ) -> Tensor:
        """This process's part of the mean cross-entropy over all targets of the batch."""
        rows, columns, own = [], [], []
        targets: list[int] = []
        for number, example in enumerate(examples):
            for column in target_positions(example.sequence):
                if number in row_of:
                    rows.append(row_of[number])
                    columns.append(column - 1)
                    own.append(len(targets))
                targets.append(example.sequence.ids[column])
        vocabulary, target = sampled_vocabulary(
            torch.tensor(targets, dtype=torch.long),
            self._markers,
            self._vocabulary,
            self._config.vocabulary_sample,
            torch.Generator().manual_seed(generator.getrandbits(63)),
        )
        logits = self.backbone.score_shared(hidden[rows, columns], vocabulary.to(hidden.device))
        return generation_loss(logits, target[own].to(hidden.device), len(targets))

    def _retrieval(
        self, examples: Sequence[Example], row_of: dict[int, int], hidden: Tensor, generator: random.Random
    ) -> tuple[Tensor, Tensor, Tensor]:
        """This process's part of the retrieval loss; how many of its linked anchors are right, and how many there are.

        The columns are: documents encoded now (positives and hard negatives), the bank without those, NIL.
        """
        nothing = hidden.sum() * 0.0, hidden.new_zeros(()), hidden.new_zeros(())
        anchors = anchors_of(examples, self._bank.row_of, self._bank.knows, self._config.anchors, generator)
        if not anchors:
            return nothing
        known = [anchor for anchor in anchors if anchor.positive is not None]
        hard = self._bank.hard_negatives(
            known,
            self._config.hard_negatives,
            self._config.negatives_each,
            generator,
            fill=self._config.retrieval == "bpr",
        )
        fresh = fresh_rows([anchor.known for anchor in known], hard, self._config.documents, generator)
        documents = self._encode(fresh) if fresh else hidden.new_zeros((0, hidden.shape[-1]))
        self._bank.update(fresh, documents)
        column_of, columns = self._columns(fresh, documents)
        trained = [
            anchor
            for anchor in anchors
            if (anchor.positive is None and self._config.nil_weight > 0) or anchor.positive in column_of
        ]
        if not trained:
            return nothing
        own = [anchor for anchor in trained if anchor.example in row_of]
        places = [row_of[anchor.example] for anchor in own], [anchor.position for anchor in own]
        queries = nn.functional.normalize(hidden[places].float(), dim=-1)
        nil_column = len(columns)
        with torch.autocast(hidden.device.type, enabled=False):  # three digits are too few for cosines to be divided
            cosines = queries @ columns.T
        similarity = torch.cat([cosines, self.nil.expand(len(own), 1)], dim=1)
        target = torch.tensor(
            [nil_column if anchor.positive is None else column_of[anchor.positive] for anchor in own],
            dtype=torch.long,
            device=hidden.device,
        )
        losses = self._loss(similarity, target, self._negatives(own, hard, column_of, similarity))
        is_nil = target == nil_column
        weights = torch.where(is_nil, self._config.nil_weight, 1.0)
        whole = sum(self._config.nil_weight if anchor.positive is None else 1.0 for anchor in trained)
        linked = similarity[~is_nil, :nil_column]
        right = (linked.argmax(dim=1) == target[~is_nil]).sum() if len(linked) else hidden.new_zeros(())
        return (losses * weights).sum() / whole, right, (~is_nil).sum()

    def _encode(self, rows: Sequence[int]) -> Tensor:
        """Vectors of documents with gradients, in the order of `rows`, made by all processes together."""
        own = self.ranks.own_padded(rows)
        size = self._config.document_chunk
        part = self._vectors(own) if size == 0 else self._in_chunks(own, size)
        return self.ranks.gather(part, len(rows))

    def _in_chunks(self, rows: Sequence[int], size: int) -> Tensor:
        """The same vectors `size` documents at a time: memory is that of one chunk, time that of a second forward pass.

        Gradient caching (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup"):
        each chunk is encoded without a graph; when the gradient of its vectors is known, it is encoded again with one.
        """
        order = sorted(range(len(rows)), key=lambda index: len(self._sequence(rows[index])))
        chunks = [order[start : start + size] for start in range(0, len(order), size)]
        vectors = [checkpoint(self._vectors, [rows[index] for index in chunk], use_reentrant=False) for chunk in chunks]
        back = torch.tensor([index for chunk in chunks for index in chunk], device=self.nil.device).argsort()
        return torch.cat(vectors)[back]

    def _encode_all(self, rows: Sequence[int]) -> Tensor:
        """Vectors of many rows in batches of like length, longest first, so that memory is claimed once."""
        order = sorted(range(len(rows)), key=lambda index: -len(self._sequence(rows[index])))
        own = self.ranks.own_padded(order)
        parts = [
            self._vectors([rows[index] for index in own[start : start + _REFRESH_BATCH]])
            for start in range(0, len(own), _REFRESH_BATCH)
        ]
        back = torch.tensor(order, device=self.nil.device).argsort()
        return self.ranks.gather(torch.cat(parts), len(order))[back]

    def _vectors(self, rows: Sequence[int]) -> Tensor:
        """Vectors of length 1, shape (rows, dim); rows of the same document share its pass."""
        places = [self._bank.places[row] for row in rows]
        row_of = {number: row for row, number in enumerate(dict.fromkeys(number for number, _ in places))}
        hidden = self._read([self._bank.sequences[number] for number in row_of])
        found = hidden[[row_of[number] for number, _ in places], [position for _, position in places]]
        return nn.functional.normalize(found.float(), dim=-1)

    def _sequence(self, row: int) -> TokenSequence:
        return self._bank.sequences[self._bank.places[row][0]]

    def _columns(self, fresh: Sequence[int], documents: Tensor) -> tuple[dict[int, int], Tensor]:
        """Vectors to compare with, and the column of each bank row among them."""
        column_of = {row: column for column, row in enumerate(fresh)}
        if self._bank.vectors is None:
            return column_of, documents
        rest = sorted(set(range(len(self._bank))) - set(fresh))
        column_of.update({row: len(fresh) + offset for offset, row in enumerate(rest)})
        return column_of, torch.cat([documents, self._bank.vectors[rest]])

    def _negatives(
        self, anchors: Sequence[Anchor], hard: dict[int, list[int]], column_of: dict[int, int], similarity: Tensor
    ) -> Tensor:
        if self._config.retrieval == "infonce":
            negatives = torch.ones_like(similarity, dtype=torch.bool)
            negatives[:, -1] = self._config.nil_weight > 0
        else:
            negatives = torch.zeros_like(similarity, dtype=torch.bool)
            for number, anchor in enumerate(anchors):
                for row in hard.get(anchor.known, ()):
                    if row in column_of:
                        negatives[number, column_of[row]] = True
        for number, anchor in enumerate(anchors):
            for row in anchor.right & column_of.keys():
                negatives[number, column_of[row]] = False
        return negatives


def target_positions(sequence: TokenSequence) -> Iterator[int]:
    """Positions whose token is trained to be written: not CTX, and not behind a RET token."""
    roles = sequence.roles
    for position in range(1, len(roles)):
        if roles[position] is not Role.CTX and roles[position - 1] is not Role.RET:
            yield position


def fresh_rows(
    positives: Sequence[int], hard: dict[int, list[int]], documents: int, generator: random.Random
) -> list[int]:
    """Rows to encode with gradients: positives, then hard negatives, at most `documents` of them, none twice."""
    unique = sorted(set(positives))
    generator.shuffle(unique)
    negative = sorted({row for rows in hard.values() for row in rows} - set(unique))
    first = unique[: max(1, documents - len(negative))]
    return first + negative[: documents - len(first)]
