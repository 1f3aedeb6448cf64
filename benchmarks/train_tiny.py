"""Two architectures with random weights, each trained by LoRA and in full from one training file (train_tiny.toml).

Shows that training works on any causal language model: both losses fall, and on held-out texts the given mentions are
linked far better than by chance. The models are made on the spot (128 wide, 2 layers); quality is not the point.

    python benchmarks/train_tiny.py
"""

import argparse
import json
import platform
import re
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from elinker.kb import build
from elinker.linking.linker import Linker
from elinker.onegen.model import OneGen
from elinker.schema import Document, Mention
from elinker.training.config import Config, LoraConfig
from elinker.training.initial import initial_model
from elinker.training.labelled import LabelledText
from elinker.training.progress import StepReport
from elinker.training.texts import load_material
from elinker.training.trainer import Trainer

HERE = Path(__file__).parent
STARTER = HERE.parent / "kb" / "starter"
KINDS = {"Llama": (LlamaConfig, LlamaForCausalLM, False), "Qwen2": (Qwen2Config, Qwen2ForCausalLM, True)}


def small_world(directory: Path, size: int) -> None:
    """The `size` entities that the starter's texts mention most, and their mentions with a few words around them."""
    lines = [json.loads(line) for line in (STARTER / "texts.jsonl").read_text(encoding="utf-8").splitlines()]
    counts = Counter(mention["entity_id"] for line in lines for mention in line["mentions"] if mention["entity_id"])
    wanted = {entity for entity, _ in counts.most_common(size)}
    rows = (STARTER / "entities.jsonl").read_text(encoding="utf-8").splitlines()
    (directory / "entities.jsonl").write_text(
        "\n".join(row for row in rows if json.loads(row)["id"] in wanted), encoding="utf-8"
    )
    with (directory / "texts.jsonl").open("w", encoding="utf-8") as out:
        for line in lines:
            for mention in line["mentions"]:
                if mention["entity_id"] in wanted:
                    out.write(json.dumps(snippet(line["text"], mention)) + "\n")


def snippet(text: str, mention: dict[str, Any]) -> dict[str, Any]:
    """A mention with up to four words before it and three behind it."""
    before = re.search(r"(?:\S+\s+){0,4}\S*$", text[: mention["start"]])
    after = re.match(r"\S*(?:\s+\S+){0,3}", text[mention["end"] :])
    lead, tail = (found[0] if found else "" for found in (before, after))
    end = len(lead) + mention["end"] - mention["start"]
    return {
        "text": lead + text[mention["start"] : mention["end"]] + tail,
        "mentions": [{"start": len(lead), "end": end, "entity_id": mention["entity_id"]}],
    }


def make_tokenizer(directory: Path) -> PreTrainedTokenizerFast:
    """Byte-level BPE of 2,000 tokens, trained on the texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    lines = (directory / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((json.loads(line)["text"] for line in lines), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")


def make_base(kind: str, tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    config, model, tied = KINDS[kind]
    torch.manual_seed(0)
    shape = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 4, "max_position_embeddings": 256, "initializer_range": 0.06}
    model(
        config(**shape, vocab_size=len(tokenizer), tie_word_embeddings=tied, bos_token_id=None, eos_token_id=1)
    ).save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def accuracy(onegen: OneGen, trainer: Trainer, heldout: list[LabelledText]) -> tuple[float, int]:
    """Share of held-out mentions, spans given, whose nearest entity is the right one, and how many there are."""
    gold = [
        Document(
            text.id,
            text.text,
            tuple(Mention(start, end, text.text[start:end], entity) for start, end, entity in text.mentions if entity),
        )
        for text in heldout
    ]
    with tempfile.TemporaryDirectory() as place:
        linker = Linker(onegen, build(trainer.material.entities, onegen, Path(place) / "kb"))
        linked = list(linker.pipe(gold, mentions="given"))
    right = [
        bool(found.candidates) and found.candidates[0].entity_id == mention.entity_id
        for document, result in zip(gold, linked, strict=True)
        for mention, found in zip(document.mentions, result.mentions, strict=True)
    ]
    return sum(right) / len(right), len(right)


def run(config: Config, heldout_texts: int) -> dict[str, Any]:
    torch.manual_seed(config.seed)
    reports: list[StepReport] = []
    onegen = initial_model(config.model.base, config.settings)
    material = load_material(config, onegen.layout)
    trainer = Trainer(config, onegen, material, reports.append)
    heldout = list(material.heldout)[:heldout_texts]
    before, _ = accuracy(onegen, trainer, heldout)
    weights = sum(weight.numel() for weight in trainer._objective.parameters() if weight.requires_grad)
    started = time.perf_counter()
    trainer.run()
    seconds = time.perf_counter() - started
    trainer.save_final(config.output / "model")
    after, mentions = accuracy(OneGen.from_pretrained(config.output / "model"), trainer, heldout)

    def mean(part: list[StepReport], key: str) -> float:
        return round(sum(getattr(report, key) for report in part) / len(part), 3)

    first, last = reports[:10], reports[-10:]
    return {
        "trained_weights": weights,
        "steps": len(reports),
        "seconds": round(seconds, 1),
        "generation_loss": [mean(first, "generation_loss"), mean(last, "generation_loss")],
        "retrieval_loss": [mean(first, "retrieval_loss"), mean(last, "retrieval_loss")],
        "batch_accuracy": [mean(first, "accuracy"), mean(last, "accuracy")],
        "heldout_accuracy": [round(before, 3), round(after, 3)],
        "heldout_mentions": mentions,
        "entities": len(material.entities),
    }


def show(runs: list[dict[str, Any]]) -> None:
    table = Table(title="First 10 → last 10 steps; accuracy of given mentions in held-out texts before → after")
    for column in ("model", "training", "weights", "s", "CE", "retrieval", "accuracy in batch", "held-out", "chance"):
        table.add_column(column)
    for one in runs:
        arrows = [
            f"{one[key][0]:g} → {one[key][1]:g}"
            for key in ("generation_loss", "retrieval_loss", "batch_accuracy", "heldout_accuracy")
        ]
        sizes = [f"{one['trained_weights']:,}", f"{one['seconds']:.0f}"]
        table.add_row(one["model"], one["training"], *sizes, *arrows, f"{1 / one['entities']:.4f}")
    Console(width=160).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--entities", type=int, default=60)
    parser.add_argument("--heldout", type=int, default=200, help="held-out texts that are linked, at most")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "train_tiny.json")
    arguments = parser.parse_args()
    config = Config.load(HERE / "train_tiny.toml")
    shutil.rmtree(config.output, ignore_errors=True)
    config.output.mkdir(parents=True)
    small_world(config.output, arguments.entities)
    tokenizer = make_tokenizer(config.output)
    runs = []
    for kind in KINDS:
        base = config.output / f"base-{kind}"
        make_base(kind, tokenizer, base)
        for training in ("LoRA", "full"):
            changes = {
                "output": config.output / f"{kind}-{training}",
                "model": config.model.model_copy(update={"base": str(base)}),
                "lora": LoraConfig(r=16, alpha=32) if training == "LoRA" else None,
                "training": config.training.model_copy(update={"steps": arguments.steps}),
            }
            found = run(config.model_copy(update=changes), arguments.heldout)
            runs.append({"model": kind, "training": training} | found)
    show(runs)
    result = {
        "command": f"python benchmarks/train_tiny.py --steps {arguments.steps}",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "threads": torch.get_num_threads(),
        "runs": runs,
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
