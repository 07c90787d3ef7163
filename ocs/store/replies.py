"""Reads replies as text, whichever protocol version the store speaks.

A reply that is an error is raised: it says nothing of what is stored.
"""

from redis.exceptions import ResponseError

from ocs.store.pipeline import Reply


def fields_of(reply: Reply) -> dict[str, str]:
    """Read a hash: a mapping under RESP3, a flat list before it."""
    if isinstance(reply, dict):
        return {name.decode(): value.decode() for name, value in reply.items()}
    texts = texts_of(reply)
    return dict(zip(texts[::2], texts[1::2], strict=True))


def texts_of(reply: Reply) -> list[str]:
    """Read a list or a set."""
    if isinstance(reply, ResponseError):
        raise reply
    assert isinstance(reply, list | set), reply
    return [text_of(item) for item in reply]


def text_of(reply: Reply) -> str:
    """Read a string; empty if there is none."""
    if isinstance(reply, ResponseError):
        raise reply
    return reply.decode() if isinstance(reply, bytes) else ""
