"""The domain of a table with nothing but its schema."""

from domains.plain.domain import PlainDomain

__all__ = ["PlainDomain"]
