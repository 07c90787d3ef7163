"""Make a method that is derived from a builder look, to `help()` and to editors, like itself."""

import inspect
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from ocs.client.operation import Sending

_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)


def present(method: Any, build: Callable[..., Any], result: object = None) -> None:
    """Give a method the name, text and parameters of its builder, and its own result.

    The result is by default what the builder's Operation decodes to.
    """
    hints = get_type_hints(build)
    parameters = []
    for parameter in inspect.signature(build).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            parameters += [
                inspect.Parameter(
                    name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind
                )
                for name, kind in get_type_hints(Sending).items()
            ]
        elif parameter.name != "hold":
            parameters.append(parameter)
    method.__name__ = build.__name__
    method.__doc__ = build.__doc__
    method.__signature__ = inspect.Signature(
        [_SELF, *parameters], return_annotation=result or get_args(hints["return"])[0]
    )
