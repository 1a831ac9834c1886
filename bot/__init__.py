"""Vigie, the lookout: hears what people say to a brand and proves that nobody was met with silence."""

__version__ = "0.1.0"
