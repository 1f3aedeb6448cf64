"""Settings of published models whose files hold none (`onegen.json`), by name and by hub id. Nothing is loaded here.

The texts are part of the models' interface: the prompt and the entity document are those that they were trained with,
character by character (zjunlp/OneGen, MIT: `config/eval_config/entity_linking` and issue 5).
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

PRESETS: Mapping[str, Preset] = {
    "onegen-llama2-el": Preset(
        _LLAMA2_LINKING, ("zjunlp/OneGen-EntityLinking-Llama2-7B",), {"add_prefix_space": False}
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
