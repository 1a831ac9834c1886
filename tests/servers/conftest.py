"""The real servers."""

from tests.support.wordpress import wordpress

__all__ = ["wordpress"]
