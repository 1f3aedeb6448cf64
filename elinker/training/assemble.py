"""A pipeline from a trained model: the base over the training's entities, the decision fitted on held-out texts."""

import shutil
from collections.abc import Callable
from pathlib import Path

import spacy

from elinker.component import OneGenLinker
from elinker.errors import ConfigError
from elinker.kb import KnowledgeBase, build
from elinker.linking.linker import Linker, LinkerSettings
from elinker.onegen.model import OneGen
from elinker.resources import COMPONENT
from elinker.training.calibration import fit
from elinker.training.config import Config, PipelineConfig
from elinker.training.heldout import link_heldout
from elinker.training.labelled import LabelledText
from elinker.training.texts import load_texts, read_entities


def assemble(config: Config, pipeline: PipelineConfig, model: Path, *, say: Callable[[str], None]) -> Path:
    """Build the base, fit the decision, write the spaCy pipeline.

    Args:
        config: the training that made the model.
        pipeline: what to make of it.
        model: the model directory.
        say: hears what is being done.

    Returns:
        The pipeline's directory, which replaces an earlier one.
    """
    if config.data.entities is None:
        raise ConfigError("[pipeline] needs data.entities")
    onegen = OneGen.from_pretrained(model)
    say(f"encoding the entities of {config.data.entities.name}")
    base = build(
        read_entities(config.data.entities),
        onegen,
        config.output / "kb",
        url_template=pipeline.url_template,
        overwrite=True,
    )
    _, heldout = load_texts(config)
    say(f"fitting the decision on {len(heldout)} held-out texts")
    settings = calibrate(onegen, base, heldout, top_k=pipeline.top_k)
    say(f"writing {pipeline.output}")
    return write_pipeline(pipeline, Linker(onegen, base, settings))


def calibrate(onegen: OneGen, base: KnowledgeBase, heldout: list[LabelledText], *, top_k: int) -> LinkerSettings:
    """Linker settings whose decision is fitted on held-out texts."""
    judged, gold = link_heldout(onegen, base, heldout, top_k=top_k)
    return LinkerSettings(top_k=top_k, decision=fit(judged, gold))


def write_pipeline(pipeline: PipelineConfig, linker: Linker) -> Path:
    """A saved spaCy pipeline with the linker as its only component."""
    language, _, _ = pipeline.name.partition("_")
    nlp = spacy.blank(language)
    nlp.meta.update(
        name=pipeline.name.removeprefix(f"{language}_"), version=pipeline.version, description=pipeline.description
    )
    component = nlp.add_pipe(COMPONENT, config={"pipeline": pipeline.name})
    assert isinstance(component, OneGenLinker)
    component.use(linker)
    partial = pipeline.output.with_name(pipeline.output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    nlp.to_disk(partial)
    kept = pipeline.output / "README.md"
    if kept.exists():
        shutil.copy(kept, partial / kept.name)
    shutil.rmtree(pipeline.output, ignore_errors=True)
    partial.rename(pipeline.output)
    return pipeline.output
