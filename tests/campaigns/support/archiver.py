"""An archiver as a process of its own: `python -m tests.campaigns.support.archiver URL DIRECTORY`.

It archives several times a second and trims nearly at once, until it is killed.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

import uvloop

from tests.archive.support import archiver

INTERVAL_S = 0.2
SEGMENT_BYTES = 256 * 1024
KEPT_MS = 300
_ROOT = Path(__file__).resolve().parents[3]


def launch(url: str, directory: Path) -> subprocess.Popen[bytes]:
    """Start one; it archives as soon as nobody else does."""
    return subprocess.Popen(
        [sys.executable, "-m", __spec__.name, url, str(directory)],
        cwd=_ROOT,
    )


async def _archive(url: str, directory: Path) -> None:
    pace = {"interval_s": INTERVAL_S, "segment_bytes": SEGMENT_BYTES, "kept_ms": KEPT_MS}
    async with archiver(url, directory, **pace) as one:
        await one.job.run()
    await asyncio.get_running_loop().shutdown_default_executor()


if __name__ == "__main__":
    uvloop.run(_archive(sys.argv[1], Path(sys.argv[2])))
