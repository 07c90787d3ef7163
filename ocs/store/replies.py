"""Reads replies as text, whichever protocol version the store speaks."""

from ocs.store.pipeline import Reply


def fields_of(reply: Reply) -> dict[str, str]:
    """Read a hash: a mapping under RESP3, a flat list before it."""
    if isinstance(reply, dict):
        return {name.decode(): value.decode() for name, value in reply.items()}
    texts = texts_of(reply)
    return dict(zip(texts[::2], texts[1::2], strict=True))


def texts_of(reply: Reply) -> list[str]:
    """Read a list or a set."""
    assert isinstance(reply, list | set), reply
    return [text_of(item) for item in reply]


def text_of(reply: Reply) -> str:
    """Read a string; empty if there is none."""
    return reply.decode() if isinstance(reply, bytes) else ""
