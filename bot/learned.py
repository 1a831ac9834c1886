"""Which pipeline tags: the one that config names, else the one that `vigie train` put in use, else the one
that ships."""

from __future__ import annotations

from bot.analysis import Tagger
from bot.config_sections import AnalysisSettings, Brand


def tagger_for(brand: Brand, analysis: AnalysisSettings) -> Tagger:
    """The tagger for a brand. Nothing is loaded until the first text."""
    model = analysis.model
    if not model and analysis.models.is_dir():
        from bot.analysis.training import current  # noqa: PLC0415 -- numpy, and most brands never train

        model = current(analysis.models)
    return Tagger(model, (brand.name, *brand.handles), analysis.aspects)
