"""The training loop: both losses over batches, the bank of negatives, checkpoints that a killed run resumes from."""

import ctypes
import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from elinker.errors import ConfigError
from elinker.onegen.decoding import pad
from elinker.onegen.model import OneGen
from elinker.onegen.settings import Role
from elinker.schema import Entity
from elinker.training.batches import batches
from elinker.training.config import Config, TrainingConfig
from elinker.training.documents import DocumentBank
from elinker.training.examples import Example
from elinker.training.labelled import LabelledText
from elinker.training.losses import BPR, InfoNCE, generation_loss, sampled_vocabulary


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step showed; `accuracy` is the share of anchors whose most similar document is the right one."""

    step: int
    generation_loss: float
    retrieval_loss: float
    accuracy: float
    learning_rate: float
    tokens: int

    def to_json(self) -> str:
        """One line of the training log."""
        return json.dumps(
            {key: float(f"{value:.6g}") if type(value) is float else value for key, value in asdict(self).items()}
        )


class Trainer:
    """Trains a OneGen model in place.

    Args:
        config: the training; only what concerns the loop is read here.
        onegen: the model to train.
        texts: labelled training texts.
        entities: the documents that retrieval tokens are trained towards.
    """

    def __init__(
        self, config: Config, onegen: OneGen, texts: Sequence[LabelledText], entities: Sequence[Entity]
    ) -> None:
        if not texts:
            raise ConfigError("data.texts: there is no text to train on")
        torch.manual_seed(config.seed)
        self.config = config
        self.onegen = onegen
        self.step = 0
        self._bank = DocumentBank(entities, onegen)
        self._nil = nn.Parameter(torch.tensor(0.4, device=onegen.device))
        self._loss = (InfoNCE if config.loss.retrieval == "infonce" else BPR)(config.loss.temperature)
        self._optimizer = _optimizer([*onegen.model.parameters(), self._nil], config.training)
        self._batches: Iterator[list[Example]] = batches(
            texts, onegen.layout, config.data, batch_tokens=config.training.batch_tokens, seed=config.seed
        )
        _keep_memory()

    def run(self, report: Callable[[StepReport], None]) -> None:
        """Train from the current step to the last, with a checkpoint every `checkpoint_every` steps and at the end."""
        self.onegen.model.train()
        while self.step < self.config.training.steps:
            report(self._train_step(next(self._batches)))
            if self.step % self.config.training.checkpoint_every == 0 or self.step == self.config.training.steps:
                self.save_checkpoint()
        self.onegen.model.eval()

    def save_checkpoint(self) -> Path:
        """Write weights, optimiser and bank; once they are whole, all but the last two checkpoints are removed."""
        final = self.config.output / f"checkpoint-{self.step:06d}"
        partial = final.with_name(final.name + ".partial")
        for left in self.config.output.glob("checkpoint-*.partial"):
            shutil.rmtree(left)
        partial.mkdir(parents=True)
        self.onegen.save_pretrained(partial)
        tensors = {"nil": self._nil.detach().clone()}
        if self._bank.vectors is not None:
            tensors["bank"] = self._bank.vectors
        for number, state in self._optimizer.state_dict()["state"].items():
            tensors.update({f"optimizer.{number}.{name}": value for name, value in state.items()})
        save_file(tensors, partial / "training.safetensors")
        (partial / "state.json").write_text(json.dumps({"step": self.step}), encoding="utf-8")
        if final.exists():
            shutil.rmtree(final)
        partial.replace(final)
        for old in self._checkpoints()[:-2]:
            shutil.rmtree(old)
        return final

    def discard_checkpoints(self) -> None:
        """Remove the checkpoints of an earlier run: they would pass for later ones of a run that begins anew."""
        for old in self._checkpoints():
            shutil.rmtree(old)

    def resume(self) -> bool:
        """Continue from the latest checkpoint of `config.output`; False where there is none."""
        found = self._checkpoints()
        if not found:
            return False
        weights = OneGen.from_pretrained(found[-1], device=str(self.onegen.device), dtype="float32")
        self.onegen.model.load_state_dict(weights.model.state_dict())
        tensors = load_file(found[-1] / "training.safetensors", device=str(self.onegen.device))
        with torch.no_grad():
            self._nil.copy_(tensors.pop("nil"))
        self._bank.vectors = tensors.pop("bank", None)
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            _, number, name = key.split(".")
            state.setdefault(int(number), {})[name] = value
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": state})
        self.step = int(json.loads((found[-1] / "state.json").read_text(encoding="utf-8"))["step"])
        for _ in range(self.step):
            next(self._batches)
        return True

    def _checkpoints(self) -> list[Path]:
        """Whole checkpoints, in order of their steps."""
        found = [path for path in self.config.output.glob("checkpoint-*") if path.name.partition("-")[2].isdigit()]
        return sorted(found, key=lambda path: int(path.name.partition("-")[2]))

    def _train_step(self, batch: Sequence[Example]) -> StepReport:
        config = self.config.loss
        if config.bank_refresh and self.step >= config.bank_from and self.step % config.bank_refresh == 0:
            with self._autocast():
                self._bank.refresh()
        generator = random.Random(f"{self.config.seed}-{self.step}")
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.config.training)
        with self._autocast():
            hidden = self._read([example.sequence.ids for example in batch], [e.sequence.types for e in batch])
            generation = self._generation(batch, hidden, generator)
            retrieval, accuracy = self._retrieval(batch, hidden, generator)
        loss = config.generation_weight * generation + config.retrieval_weight * retrieval
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.onegen.model.parameters(), self.config.training.clip)
        self._optimizer.step()
        self.step += 1
        return StepReport(
            step=self.step,
            generation_loss=generation.item(),
            retrieval_loss=retrieval.item(),
            accuracy=accuracy,
            learning_rate=self._optimizer.param_groups[0]["lr"],
            tokens=sum(len(example.sequence) for example in batch),
        )

    def _read(self, ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]]) -> Tensor:
        device = self.onegen.device
        hidden: Tensor = self.onegen.backbone(pad(ids, self.onegen.layout.pad, device), types=pad(types, 0, device))
        return hidden

    def _generation(self, batch: Sequence[Example], hidden: Tensor, generator: random.Random) -> Tensor:
        rows: list[int] = []
        columns: list[int] = []
        targets: list[int] = []
        for row, example in enumerate(batch):
            roles, ids = example.sequence.roles, example.sequence.ids
            for column in range(1, len(ids)):
                if roles[column] is not Role.CTX and roles[column - 1] is not Role.RET:
                    rows.append(row)
                    columns.append(column - 1)
                    targets.append(ids[column])
        layout = self.onegen.layout
        vocabulary, target = sampled_vocabulary(
            torch.tensor(targets),
            torch.tensor([*layout.open, *layout.close, *layout.end, layout.query]),
            self.onegen.model.get_output_embeddings().weight.shape[0],
            self.config.loss.vocabulary_sample,
            torch.Generator().manual_seed(generator.getrandbits(63)),
        )
        logits = self.onegen.backbone.score_shared(hidden[rows, columns], vocabulary.to(hidden.device))
        return generation_loss(logits, target.to(hidden.device))

    def _retrieval(self, batch: Sequence[Example], hidden: Tensor, generator: random.Random) -> tuple[Tensor, float]:
        """Retrieval loss and accuracy of a batch.

        The columns are: documents encoded now (positives and hard negatives), the bank without those, NIL.
        """
        anchors, positives, surfaces = self._anchors(batch)
        if not anchors:
            return hidden.new_zeros(()), 0.0
        known = [positive for positive in positives if positive is not None]
        hard = self._bank.hard_negatives(
            known,
            [surface for surface, positive in zip(surfaces, positives, strict=True) if positive is not None],
            self.config.loss.hard_negatives,
            generator,
        )
        fresh = self._fresh_rows(known, hard, generator)
        documents = self._encode(fresh) if fresh else hidden.new_zeros((0, hidden.shape[-1]))
        self._bank.update(fresh, documents)
        column_of, columns = self._columns(fresh, documents)
        anchored = [
            number
            for number, positive in enumerate(positives)
            if (positive is None and self.config.loss.nil_weight > 0) or positive in column_of
        ]
        if not anchored:
            return hidden.new_zeros(()), 0.0
        queries = nn.functional.normalize(
            hidden[[anchors[n][0] for n in anchored], [anchors[n][1] for n in anchored]].float(), dim=-1
        )
        nil_column = len(columns)
        with torch.autocast(hidden.device.type, enabled=False):  # three digits are too few for cosines to be divided
            cosines = queries @ columns.T
        similarity = torch.cat([cosines, self._nil.expand(len(anchored), 1)], dim=1)
        target = torch.tensor(
            [nil_column if positives[n] is None else column_of[_row(positives[n])] for n in anchored],
            device=hidden.device,
        )
        negatives = self._negatives(anchored, positives, hard, column_of, similarity)
        losses = self._loss(similarity, target, negatives)
        is_nil = target == nil_column
        weights = torch.where(is_nil, self.config.loss.nil_weight, 1.0)
        linked = similarity[~is_nil, :nil_column]
        accuracy = (linked.argmax(dim=1) == target[~is_nil]).float().mean().item() if len(linked) else 0.0
        return (losses * weights).sum() / weights.sum(), accuracy

    def _anchors(self, batch: Sequence[Example]) -> tuple[list[tuple[int, int]], list[int | None], list[str]]:
        """Positions, bank rows (None for NIL) and surfaces of all retrieval tokens that can be trained.

        A mention without an entity that bears a name of the base is left out: its entity may be there, unmarked.
        """
        anchors: list[tuple[int, int]] = []
        positives: list[int | None] = []
        surfaces: list[str] = []
        for row, example in enumerate(batch):
            for column, entity, surface in zip(
                example.sequence.retrieval, example.entities, example.surfaces, strict=True
            ):
                positive = None if entity is None else self._bank.row_of.get(entity)
                if positive is None and self._bank.knows(surface):
                    continue
                anchors.append((row, column))
                positives.append(positive)
                surfaces.append(surface)
        return anchors, positives, surfaces

    def _fresh_rows(self, known: Sequence[int], hard: dict[int, list[int]], generator: random.Random) -> list[int]:
        """Documents to encode with gradients: positives, then hard negatives, at most `documents` of them."""
        unique = sorted(set(known))
        generator.shuffle(unique)
        negative = sorted({row for rows in hard.values() for row in rows} - set(unique))
        room = self.config.loss.documents
        positives = unique[: max(1, room - len(negative))]
        return positives + negative[: room - len(positives)]

    def _encode(self, rows: Sequence[int]) -> Tensor:
        sequences = [self._bank.sequences[row] for row in rows]
        hidden = self._read([sequence.ids for sequence in sequences], [sequence.types for sequence in sequences])
        positions = [sequence.retrieval[0] for sequence in sequences]
        return nn.functional.normalize(hidden[range(len(rows)), positions].float(), dim=-1)

    def _columns(self, fresh: Sequence[int], documents: Tensor) -> tuple[dict[int, int], Tensor]:
        """Vectors to compare with, and the column of each bank row among them."""
        column_of = {row: column for column, row in enumerate(fresh)}
        if self._bank.vectors is None:
            return column_of, documents
        rest = sorted(set(range(len(self._bank))) - set(fresh))
        column_of.update({row: len(fresh) + offset for offset, row in enumerate(rest)})
        return column_of, torch.cat([documents, self._bank.vectors[rest]])

    def _negatives(
        self,
        anchored: Sequence[int],
        positives: Sequence[int | None],
        hard: dict[int, list[int]],
        column_of: dict[int, int],
        similarity: Tensor,
    ) -> Tensor:
        if self.config.loss.retrieval == "infonce":
            negatives = torch.ones_like(similarity, dtype=torch.bool)
            negatives[:, -1] = self.config.loss.nil_weight > 0
            return negatives
        negatives = torch.zeros_like(similarity, dtype=torch.bool)
        for row, number in enumerate(anchored):
            for negative in hard.get(_row(positives[number]), ()) if positives[number] is not None else ():
                if negative in column_of:
                    negatives[row, column_of[negative]] = True
        return negatives

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            self.onegen.device.type, dtype=torch.bfloat16, enabled=self.config.training.precision == "bfloat16"
        )


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Linear warm-up, constant, linear decay to zero over the last `decay` steps."""
    up = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    down = min(1.0, (config.steps - step) / config.decay) if config.decay else 1.0
    return config.learning_rate * min(up, down)


def _optimizer(parameters: Sequence[nn.Parameter], config: TrainingConfig) -> torch.optim.AdamW:
    unique = list({id(parameter): parameter for parameter in parameters}.values())
    decayed = [parameter for parameter in unique if parameter.dim() >= 2]
    plain = [parameter for parameter in unique if parameter.dim() < 2]
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def _row(positive: int | None) -> int:
    assert positive is not None
    return positive


def _keep_memory() -> None:
    """Let glibc keep freed memory: handing it back and faulting it in again doubles the time of a step."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**30)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
        mallopt(option, value)
