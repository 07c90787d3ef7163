"""Run as a script: turn this fresh process into the server, tied to its parent's life.

A step of its own because code between fork and exec is unsafe in a process with threads, and the
kernel's parent-death signal must be asked for by the child itself. It imports nothing of ocs.

Arguments: parent's pid, "tied" or "free", the server's path, the server's arguments.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGTERM at the parent's death, reset the signal mask, become the server."""
    parent_pid, tie, *command = sys.argv[1:]
    if tie == "tied" and sys.platform == "linux":
        # Refused by some sandboxes: then the next start finds the orphan, so going on is safe.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != int(parent_pid):  # it died before the request above took hold
        sys.exit("the process that starts the store is gone")
    # An inherited block on SIGTERM would leave SIGKILL as the only way to end the server.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execv(command[0], command)  # noqa: S606  (no shell is wanted)


if __name__ == "__main__":
    main()
