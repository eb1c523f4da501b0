"""A child that dies with its parent, however the parent dies (Linux: PR_SET_PDEATHSIG, prctl(2))."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PARENT = "_ADENGINE_PARENT"
"""The environment variable by which a process tells those it forks who their parent is; not a setting."""
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int, with_signal: int = signal.SIGKILL) -> None:
    """Called in the child: it gets `with_signal` when the thread that started it ends, or at once if it is too late.

    Survives exec, not fork: each generation calls it for itself. Safe between fork and exec of a one-thread parent.
    """
    _libc.prctl(PR_SET_PDEATHSIG, with_signal, 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), with_signal)


def die_with_named_parent() -> None:
    """`die_with_parent` of the process that `PARENT` names, if it names one."""
    if PARENT in os.environ:
        die_with_parent(int(os.environ[PARENT]))
