"""Settings of published models whose files hold none (`onegen.json`), by name and by hub id. Nothing is loaded here.

The texts are part of the models' interface: the prompt and the entity document are those that they were trained with,
character by character (zjunlp/OneGen, MIT: `config/eval_config`, `scripts/self_rag`, `workflow` and issue 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elinker.errors import UsageError
from elinker.onegen.settings import SETTINGS_FILE, OneGenSettings


@dataclass(frozen=True, slots=True)
class Preset:
    """What a published model needs to be run.

    `hub_ids` choose it by themselves. `tokenizer` are options that the tokenizer's files may lack and that the model
    was trained with.
    """

    settings: OneGenSettings
    hub_ids: tuple[str, ...] = ()
    tokenizer: Mapping[str, Any] = field(default_factory=dict)


_LLAMA2_LINKING = OneGenSettings.model_validate(
    {
        "tokens": [
            {"text": "[_CONTINUE_]", "role": "GEN", "description": "continue to output"},
            {"text": "[SE]", "role": "RET", "description": "description of entity"},
            {"text": "[LK]", "role": "RET", "description": "information of subject or object"},
        ],
        "linking": {
            "prompt": "[INST] You are good at mention detection. Identify and extract mentions of entities from the "
            "text. Please output the original text with annotations. Here, the annotation for each mention should be "
            "formatted as `<MENTION>{mention in text}</MENTION>` when displayed. \n\nTEST TEXT:\n{input} [/INST]",
            "begin": " ",
            "open": "<MENTION>",
            "close": "</MENTION>",
            "query": "[LK]",
            "forced": "[_CONTINUE_]",
            "end": "</s>",
        },
        "document": {
            "template": "<s>Represent the entity based on its description and output it after the '[SE]' token.\n"
            "The description of {label} is as follows:\n"
            '{label} is an instance of {types}. It is described as "{description}".[SE]',
            "token": "[SE]",
            "skip": 1,
            "max_length": 256,
        },
        "window": 256,
        "max_length": 1300,
    }
)

_QUESTION_TOKENS = [
    {"text": "[Question Representation]", "role": "RET", "description": "information of question"},
    {"text": "[Document Fragment Representation]", "role": "RET", "description": "information of document fragment"},
    {
        "text": "<paragraph>",
        "role": "CTX",
        "description": "a tag to indicate the start of the retrieved document begins here",
    },
    {
        "text": "</paragraph>",
        "role": "CTX",
        "description": "a tag to indicate the end of the retrieved document starts here",
    },
]
_REPRESENT = (
    "Represent the following document fragment and output it after the '[Document Fragment Representation]' token. \n"
    "Here are document fragment:\n"
)

_LLAMA2_MULTI_HOP = OneGenSettings.model_validate(
    {
        "tokens": _QUESTION_TOKENS,
        "answering": {
            "prompt": "You are good at multi-step reasoning in QA. For complex questions, break down the process. "
            "Generate and answer sub-questions step-by-step, using retrieved documents at each stage. Output the final "
            "answer wrapped by <FINAL-ANSWER></FINAL-ANSWER>. Here is a question: {input}",
            "query": "[Question Representation]",
            "open": "<paragraph>",
            "close": "</paragraph>",
            "passage": "wiki title: {title}\ncontent: {text}",
            "answer_open": "<FINAL-ANSWER>",
            "answer_close": "</FINAL-ANSWER>",
            "end": "</s>",
        },
        "passage": {
            "template": _REPRESENT + "wiki title: {title}\ncontent: {text}",
            "token": "[Document Fragment Representation]",
            "unit": "sentence",
            "max_length": 512,
        },
        "max_length": 1200,
    }
)

_JUDGEMENTS = {
    "[No Retrieval]": "a tag indicating no need for retrieval",
    "[Retrieval]": "a tag indicating need for retrieval",
    "[Continue to Use Evidence]": "a tag indicating continue to use evidence",
    "[Irrelevant]": "a tag to denote content irrelevant to the query",
    "[Relevant]": "a tag to denote content relevant to the query",
    "[Utility:1]": "a tag to denote the current generated result is poor",
    "[Utility:2]": "a tag to denote the current generated result is fair",
    "[Utility:3]": "a tag to denote the current generated result is good",
    "[Utility:4]": "a tag to denote the current generated result is great",
    "[Utility:5]": "a tag to denote the current generated result is excellent",
    "[Fully supported]": "a tag to indicate that the current generated results are all supported by the retrieved "
    "documents",
    "[Partially supported]": "a tag to indicate that the current generated result has received partial support from "
    "the retrieved documents",
    "[No support / Contradictory]": "a tag to indicate that the current generated result has not received support from "
    "the retrieved documents",
}

_LLAMA2_SELF_RAG = OneGenSettings.model_validate(
    {
        "tokens": [
            *({"text": text, "role": "GEN", "description": meaning} for text, meaning in _JUDGEMENTS.items()),
            *_QUESTION_TOKENS,
        ],
        "answering": {
            "prompt": "### Instruction:\n{input}\n\n### Response:\n",
            "query": "[Question Representation]",
            "open": "<paragraph>",
            "close": "</paragraph>",
            "passage": "{title}\n{text}",
            "end": "</s>",
            "reflection": {
                "retrieve": "[Retrieval]",
                "no_retrieve": "[No Retrieval]",
                "relevant": "[Relevant]",
                "irrelevant": "[Irrelevant]",
                "support": ["[Fully supported]", "[Partially supported]", "[No support / Contradictory]"],
                "utility": [f"[Utility:{grade}]" for grade in range(1, 6)],
                "other": ["[Continue to Use Evidence]"],
            },
        },
        "passage": {
            "template": _REPRESENT + "{title}\n{text}",
            "token": "[Document Fragment Representation]",
            "unit": "passage",
            "max_length": 512,
        },
        "max_length": 2048,
    }
)

PRESETS: Mapping[str, Preset] = {
    "onegen-llama2-el": Preset(
        _LLAMA2_LINKING, ("zjunlp/OneGen-EntityLinking-Llama2-7B",), {"add_prefix_space": False}
    ),
    "onegen-llama2-multihop": Preset(
        _LLAMA2_MULTI_HOP, ("zjunlp/OneGen-MultiHop-Llama2-7B",), {"add_prefix_space": False}
    ),
    "onegen-llama2-selfrag": Preset(
        _LLAMA2_SELF_RAG, ("zjunlp/OneGen-SelfRAG-Llama2-7B",), {"add_prefix_space": False}
    ),
}
"""All presets by name."""


def is_published(path_or_id: str | Path) -> bool:
    """Whether this is the hub id of a model that a preset is for."""
    return any(str(path_or_id) in preset.hub_ids for preset in PRESETS.values())


def choose_preset(name: str | None, path_or_id: str | Path, directory: Path) -> Preset:
    """The preset that is named, or else the settings beside the weights, or else the preset of the model's name.

    Args:
        name: a preset's name.
        path_or_id: the hub id, or the directory, whose own name may be that of the published model.
        directory: where its files lie.

    Raises:
        UsageError: there is no preset of that name.
        ModelError: the directory holds no sound settings, and no preset is for a model of its name.
    """
    if name is not None:
        if name not in PRESETS:
            raise UsageError(f"no preset {name!r}", hint=f"one of: {', '.join(PRESETS)}")
        return PRESETS[name]
    if not (directory / SETTINGS_FILE).is_file():
        for preset in PRESETS.values():
            if Path(path_or_id).name in {Path(hub_id).name for hub_id in preset.hub_ids}:
                return preset
    return Preset(OneGenSettings.load(directory))
