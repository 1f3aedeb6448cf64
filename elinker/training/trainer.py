"""The run: Hugging Face's `Trainer` with OneGen's losses, its optimiser groups and schedule, and checkpoints.

What a batch is worth is `objective`; devices, processes, mixed precision, FSDP and DeepSpeed are transformers' and
accelerate's. Checkpoints hold safetensors; what transformers adds (optimiser, random state) it reads as weights only.
"""

import ctypes
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast  # type: ignore[import-untyped]
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerState, TrainingArguments
from transformers import Trainer as HuggingFaceTrainer
from transformers.integrations import TensorBoardCallback

from elinker.errors import ConfigError, MissingExtraError
from elinker.onegen.model import OneGen
from elinker.onegen.quiet import quiet
from elinker.training.adapters import Adapter
from elinker.training.batches import Batch, batches, batches_of_epoch
from elinker.training.config import Config, TrainingConfig
from elinker.training.heldout import choose, linking_f1
from elinker.training.initial import initial_model
from elinker.training.objective import Objective
from elinker.training.progress import Reporting, StepReport
from elinker.training.ranks import Ranks
from elinker.training.texts import Material

_STATE = "training.safetensors"
_TRAINED = "backbone.model."
"""What the names of the model's weights begin with in the objective."""


def no_report(step: StepReport) -> None:
    """Hears nothing."""


def no_words(words: str) -> None:
    """Hears nothing."""


class Trainer(HuggingFaceTrainer):  # type: ignore[misc]
    """Trains a OneGen model in place.

    Args:
        config: the training; only what concerns the run is read here.
        onegen: the model to train.
        material: what to train on.
        report: called after every step.
        say: hears of evaluations.

    Raises:
        ConfigError: sections of the config and the way of running do not go together.
    """

    optimizer: Any
    lr_scheduler: Any
    control: Any

    def __init__(
        self,
        config: Config,
        onegen: OneGen,
        material: Material,
        report: Callable[[StepReport], None] = no_report,
        say: Callable[[str], None] = no_words,
    ) -> None:
        _keep_memory()
        torch.manual_seed(config.seed)
        self.onegen = onegen
        self.config = config
        self.material = material
        self.steps = count_steps(config, material)
        self.adapter = None if config.lora is None else Adapter(onegen, config.lora)
        arguments = training_arguments(config, self.steps)
        if config.training.gradient_checkpointing:
            onegen.model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
        ranks = Ranks(arguments.process_index, arguments.world_size)
        self._objective = Objective(config.loss, onegen, material.bank, ranks, config.seed)
        self._seen: list[Tensor] = []
        self._tokens = 0
        self._first = 0
        super().__init__(
            self._objective,
            arguments,
            eval_dataset=list(material.heldout) if config.early_stopping else None,
            callbacks=_callbacks(config, Reporting(report, say)),
        )
        self.remove_callback(PrinterCallback)
        if config.early_stopping and self._is_sharded:
            raise ConfigError("[early_stopping] needs whole weights in every process, not FSDP or DeepSpeed")

    def _is_finished(self, state: TrainerState) -> bool:
        """Whether all steps are done, or early stopping ended the run."""
        stopping, kept = self.config.early_stopping, state.stateful_callbacks.get(EarlyStoppingCallback.__name__)
        waited = 0 if kept is None else int(kept["attributes"]["early_stopping_patience_counter"])
        return state.global_step >= self.steps or (stopping is not None and waited >= stopping.patience)

    @property
    def _is_sharded(self) -> bool:
        return bool(self.is_fsdp_enabled or self.is_deepspeed_enabled)

    def run(self, *, resume: bool = False) -> None:
        """Train to the last step, from the latest whole checkpoint of the output directory or from the beginning."""
        found = whole_checkpoints(self.config.output) if resume else []
        if self.is_world_process_zero():
            _clear(self.config.output, keep=found)
        self.accelerator.wait_for_everyone()
        with quiet():
            if not found:
                self.train()
            elif self._is_finished(state := _state(found[-1])):
                best = found[-1].with_name(f"checkpoint-{state.best_global_step}")
                self._load_from_checkpoint(str(best if self.config.early_stopping and best in found else found[-1]))
            else:
                self._first = state.global_step
                self.train(resume_from_checkpoint=str(found[-1]))
        self.onegen.model.eval()

    def save_final(self, directory: Path) -> None:
        """Write the trained model in bf16, adapters merged; these also lie in `adapter` beside it."""
        state = self.accelerator.get_state_dict(self.model_wrapped) if self._is_sharded else None
        if self.is_world_process_zero():
            adapters = directory.with_name("adapter")
            if self.adapter is not None:
                self.adapter.save(adapters, state and _of_model(state))
            onegen = self.onegen if state is None else self._from_shards(adapters, state)
            if self.adapter is not None and state is None:
                onegen = self.adapter.merge()
            onegen.save_pretrained(directory, dtype=torch.bfloat16)
        self.accelerator.wait_for_everyone()

    def _from_shards(self, adapters: Path, state: dict[str, Tensor]) -> OneGen:
        """The trained model made from the weights of all processes."""
        fresh = initial_model(self.config.model.base, self.config.settings, dtype=self.config.model.dtype)
        if self.config.lora is None:
            fresh.model.load_state_dict(_of_model(state))
            return fresh
        adapter = Adapter(fresh, self.config.lora)
        adapter.load(adapters)
        return adapter.merge()

    # ---- what transformers asks for

    def get_train_dataloader(self) -> "_Stream":
        """The batches from the first step of this run on."""
        return _Stream(self.config, self.material, self._first * self.config.training.gradient_accumulation)

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW; matrices decay, vectors and numbers do not."""
        if self.optimizer is None:
            parameters = [p for p in (model or self.model).parameters() if p.requires_grad]
            self.optimizer = torch.optim.AdamW(
                [
                    {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": self.args.weight_decay},
                    {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
                ],
                lr=self.args.learning_rate,
                betas=(self.args.adam_beta1, self.args.adam_beta2),
                fused=True,
            )
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Warm-up, constant rate, decay."""
        if self.lr_scheduler is None:
            training = self.config.training
            self.lr_scheduler = LambdaLR(
                optimizer or self.optimizer, lambda step: rate(step, num_training_steps, training)
            )
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: dict[str, Batch], *arguments: Any, **options: Any) -> Tensor:
        """The loss of a batch; before the first batch of a step the bank is refreshed where it is due."""
        batch, loss = inputs["batch"], self.config.loss
        step, part = divmod(batch.number, self.config.training.gradient_accumulation)
        if part == 0 and loss.bank_refresh and step >= loss.bank_from and step % loss.bank_refresh == 0:
            with torch.no_grad():
                self.material.bank.refresh(lambda rows: model(rows=rows))
        figures = model(batch)
        self._seen.append(torch.stack([figures[key].float() for key in ("generation", "retrieval", "right", "linked")]))
        self._tokens += sum(len(example.sequence) for example in batch.examples)
        result: Tensor = figures["loss"]
        return result

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The step's losses and retrieval accuracy, of all processes together, join what is logged."""
        if "loss" in logs:
            seen = self.accelerator.reduce(torch.stack(self._seen), reduction="sum")
            generation, retrieval, right, linked = seen.mean(dim=0).tolist()
            logs |= {
                "generation_loss": generation,
                "retrieval_loss": retrieval,
                "accuracy": right / linked if linked else 0.0,
                "tokens": self._tokens,
            }
            self._seen, self._tokens = [], 0
        super().log(logs, start_time)
        self.state.log_history.clear()  # it would be written into every checkpoint

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Micro F1 of linking held-out texts end to end, by the main process."""
        if self.config.early_stopping is None:
            raise ConfigError("[early_stopping] says how to evaluate")
        result = torch.zeros(1, device=self.args.device)
        if self.is_world_process_zero():
            entities, texts = choose(
                self.material.entities,
                self.material.heldout,
                most_texts=self.config.early_stopping.texts,
                most_entities=self.config.early_stopping.entities,
                seed=self.config.seed,
            )
            self.onegen.model.eval()
            result += linking_f1(self.onegen, entities, texts)
        metrics = {"eval_linking_f1": broadcast(result).item()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    # ---- checkpoints

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        """A model directory, or adapters, and what the objective adds; `state_dict` is of sharded weights."""
        directory = Path(output_dir or self.args.output_dir)
        directory.mkdir(parents=True, exist_ok=True)
        state = state_dict and _of_model(state_dict)
        if self.adapter is not None:
            self.adapter.save(directory, state)
        elif state is None:
            self.onegen.save_pretrained(directory)
        else:
            self.onegen.model.save_pretrained(directory, state_dict=state)
            self.onegen.tokenizer.save_pretrained(directory)
            self.onegen.settings.save(directory)
        nil = self._objective.nil if state_dict is None else state_dict["nil"]
        tensors = {"nil": nil.detach().clone()}
        if self.material.bank.vectors is not None:
            tensors["bank"] = self.material.bank.vectors
        save_file(tensors, directory / _STATE)

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()  # trainer_state.json, written next, says that a checkpoint is whole

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        directory = Path(resume_from_checkpoint)
        if self._is_sharded:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        elif self.adapter is not None:
            self.adapter.load(directory)
        else:
            weights = OneGen.from_pretrained(directory, device="cpu", dtype=self.config.model.dtype)
            self.onegen.model.load_state_dict(weights.model.state_dict())
        tensors = load_file(directory / _STATE, device=str(self.args.device))
        if not self._is_sharded:
            with torch.no_grad():
                self._objective.nil.copy_(tensors["nil"])
        self.material.bank.vectors = tensors.get("bank")

    def _load_best_model(self) -> None:
        self._load_from_checkpoint(self.state.best_model_checkpoint)


class _Stream:
    """The batches of a training from number `first` on, as what transformers takes for a data loader."""

    def __init__(self, config: Config, material: Material, first: int) -> None:
        self._config = config
        self._material = material
        self._first = first

    def __iter__(self) -> Iterator[dict[str, Batch]]:
        drawn = batches(self._material.epoch, batch_tokens=self._config.training.batch_tokens, seed=self._config.seed)
        for number, examples in enumerate(drawn):
            if number >= self._first:
                yield {"batch": Batch(number, examples)}


def _of_model(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the model among those of the objective."""
    return {name.removeprefix(_TRAINED): tensor for name, tensor in state.items() if name.startswith(_TRAINED)}


def training_arguments(config: Config, steps: int) -> TrainingArguments:
    """The config in transformers' terms."""
    training, on_cpu = config.training, not torch.cuda.is_available()
    stopping: dict[str, Any] = {}
    if config.early_stopping is not None:
        stopping = {
            "eval_strategy": "steps",
            "eval_steps": training.checkpoint_every,
            "load_best_model_at_end": True,
            "metric_for_best_model": "linking_f1",
            "greater_is_better": True,
            "restore_callback_states_from_checkpoint": True,
        }
    return TrainingArguments(
        output_dir=str(config.output),
        max_steps=steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=training.gradient_accumulation,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        adam_beta1=0.9,
        adam_beta2=0.98,
        max_grad_norm=training.clip,
        bf16=training.precision == "bfloat16",
        seed=config.seed,
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and "LOCAL_RANK" in os.environ else None,
        save_steps=training.checkpoint_every,
        save_total_limit=2,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        ignore_data_skip=True,
        **stopping,
    )


def count_steps(config: Config, material: Material) -> int:
    """The configured steps, or those that the configured epochs take; the latter draws all their batches once."""
    training = config.training
    if training.steps is not None:
        return training.steps
    drawn = sum(
        1
        for number in range(training.epochs or 0)
        for _ in batches_of_epoch(material.epoch, number, batch_tokens=training.batch_tokens, seed=config.seed)
    )
    return max(1, drawn // training.gradient_accumulation)


def rate(step: int, steps: int, config: TrainingConfig) -> float:
    """Linear warm-up, constant 1, linear decay to zero over the last `decay` steps."""
    warmup, decay = (round(span * steps) if isinstance(span, float) else span for span in (config.warmup, config.decay))
    up = min(1.0, (step + 1) / warmup) if warmup else 1.0
    down = min(1.0, (steps - step) / decay) if decay else 1.0
    return min(up, down)


def whole_checkpoints(output: Path) -> list[Path]:
    """Checkpoints in order of their steps, without those that a killed run left unfinished."""
    found = [path for path in output.glob("checkpoint-*") if path.name.partition("-")[2].isdigit() and _is_whole(path)]
    return sorted(found, key=lambda path: int(path.name.partition("-")[2]))


def _is_whole(checkpoint: Path) -> bool:
    try:
        _state(checkpoint)
    except (OSError, ValueError, TypeError):
        return False
    return True


def _state(checkpoint: Path) -> TrainerState:
    return TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))


def _clear(output: Path, keep: list[Path]) -> None:
    """Remove checkpoints that are not whole, or all of an earlier run: they would pass for later ones of this run."""
    for path in output.glob("checkpoint-*"):
        if path not in keep and path.name.partition("-")[2].isdigit():
            shutil.rmtree(path)


def _callbacks(config: Config, reporting: Reporting) -> list[Any]:
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingExtraError("tensorboard", "train")
    from torch.utils.tensorboard import SummaryWriter

    board = TensorBoardCallback(SummaryWriter(log_dir=str(config.output / "tensorboard")))
    stopping = config.early_stopping
    return [board, reporting, *([] if stopping is None else [EarlyStoppingCallback(stopping.patience)])]


def _keep_memory() -> None:
    """Let glibc keep freed memory: handing it back and faulting it in again doubles the time of a step."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**30)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
        mallopt(option, value)
