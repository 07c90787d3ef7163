"""Arrow columns of texts that stand somewhere in common bytes."""

from typing import Any

import numpy as np
import pyarrow as pa


def texts_at(data: Any, spans: Any, count: int) -> pa.StringArray:
    """Take texts from where they are.

    data: bytes, UTF-8 where a text is. spans: int32, where each of `count` texts starts and where
    it ends, none before the end of the one before.
    """
    if not count:
        return pa.array([], pa.string())
    # To Arrow that is a column too: of the texts and, between them, of what no text is made of.
    buffers = [None, pa.py_buffer(spans), pa.py_buffer(data)]
    column = pa.Array.from_buffers(pa.string(), 2 * count - 1, buffers)
    return column.take(pa.array(np.arange(0, 2 * count, 2)))
