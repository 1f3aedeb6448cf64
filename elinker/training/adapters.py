"""LoRA through peft: low-rank adapters, and the embedding rows of the settings' tokens trained beside them.

Nothing here decides when to save; `trainer` does. Merged into the weights, an adapted model is an ordinary one.
"""

import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from elinker.errors import ConfigError, MissingExtraError
from elinker.onegen.backbone import Backbone
from elinker.onegen.model import OneGen
from elinker.training.config import LoraConfig

_INSIDE = "base_model.model."
"""What peft puts before the names of the weights of the model that it wraps."""


class Adapter:
    """Puts adapters into a model, in place: afterwards only they and the tokens' embedding rows have gradients.

    Args:
        onegen: the model; its backbone is renewed.
        config: rank and layers.

    Raises:
        MissingExtraError: peft is not installed.
        ConfigError: the model has none of the layers.
    """

    def __init__(self, onegen: OneGen, config: LoraConfig) -> None:
        if importlib.util.find_spec("peft") is None:
            raise MissingExtraError("peft", "train")
        import peft

        layers = config.target_modules
        settings = peft.LoraConfig(
            r=config.r,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=layers if isinstance(layers, str) else [*layers],
            trainable_token_indices=_token_rows(onegen),
            task_type="CAUSAL_LM",
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # peft asks to save tied embeddings as a whole; the rows are enough
                self._model = peft.get_peft_model(onegen.model, settings)
        except ValueError as error:  # what peft raises for layers that are not there or are no linear ones
            reason = str(error).strip().partition("\n")[0]
            raise ConfigError(f"lora.target_modules: {reason}") from error
        for weight in onegen.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()  # whatever the frozen ones are held in
        self._onegen = onegen
        output = onegen.model.get_output_embeddings()
        if not hasattr(output, "bias"):  # peft's wrapper of trained rows shows the weight only
            output.bias = getattr(output.original_module, "bias", None)
        onegen.backbone = Backbone(onegen.model, token_types=onegen.settings.token_types == "case")

    def save(self, directory: Path, state: Mapping[str, Tensor] | None = None) -> None:
        """Write `adapter_config.json` and `adapter_model.safetensors`.

        Args:
            directory: where to.
            state: the weights of the adapted model by name, where they are not the ones in memory.
        """
        named = None if state is None else {_INSIDE + name: tensor for name, tensor in state.items()}
        self._model.save_pretrained(str(directory), state_dict=named, save_embedding_layers=False)

    def load(self, directory: Path) -> None:
        """Take over what `save` wrote."""
        import peft

        peft.set_peft_model_state_dict(self._model, peft.load_peft_weights(str(directory), device="cpu"))

    def merge(self) -> OneGen:
        """The model with the adapters in its weights and nothing of peft left; the adapter is used up."""
        model = self._model.merge_and_unload()
        return OneGen(model, self._onegen.tokenizer, self._onegen.settings)


def _token_rows(onegen: OneGen) -> dict[str, list[int]]:
    """Rows to train of the input and, where it is not the same tensor, of the output embeddings, by module name."""
    ids = [int(onegen.tokenizer.convert_tokens_to_ids(token.text)) for token in onegen.settings.tokens]
    modules = [onegen.model.get_input_embeddings(), onegen.model.get_output_embeddings()]
    if modules[0].weight is modules[1].weight:
        modules.pop()
    names: dict[int, str] = {id(module): name for name, module in onegen.model.named_modules()}
    return {names[id(module)]: ids for module in modules}
