"""What the tests of backups share."""

from typing import Any

import orjson
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from typer.testing import CliRunner

from ocs.cli.main import app
from tests.support.live import BACKGROUND


def ocs(*arguments: str) -> tuple[int, Any, str]:
    """Run the command; its exit status, its JSON if there is any, what it said."""
    done = CliRunner().invoke(app, [*arguments, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, orjson.loads(done.stdout) if done.stdout else None, done.stderr


def contents(url: str) -> dict[bytes, tuple[object, object]]:
    """What a store holds, figures and ends; without what background work writes."""
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
        kept: Any = sorted(name for name in client.scan_iter() if not name.endswith(BACKGROUND))
        return {name: (client.dump(name), client.pexpiretime(name)) for name in kept}
