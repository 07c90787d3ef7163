"""The rules of the .proto files, applied. The only place that knows the validation library."""

from typing import Final

import protovalidate
from google.protobuf.message import Message

# The status travels in HTTP/2 trailers, which a client accepts up to 8 KiB: a message that breaks
# a rule in a thousand places is told the first of them.
VIOLATIONS_MAX: Final = 16

_VALIDATOR: Final = protovalidate.Validator()


def compile_rules(message: Message) -> None:
    """Compile the rules of a message type now rather than in its first call.

    Raises protovalidate.CompilationError if the rules contradict the fields.
    """
    _VALIDATOR.collect_violations(message)


def violations(message: Message) -> list[tuple[str, str]]:
    """Return (field path, rule) for each broken rule, at most VIOLATIONS_MAX; empty = valid.

    The texts come from the rules and never repeat what the caller sent.
    """
    found = _VALIDATOR.collect_violations(message)
    if not found:
        return []
    return [(_path(each), each.proto.message) for each in found[:VIOLATIONS_MAX]]


def _path(violation: protovalidate.Violation) -> str:
    field = violation.proto.field
    if field is None:  # a rule about the message as a whole
        return ""
    names = []
    for element in field.elements:
        subscript = element.subscript
        names.append(
            element.field_name if subscript is None else f"{element.field_name}[{subscript.value}]"
        )
    return ".".join(names)
