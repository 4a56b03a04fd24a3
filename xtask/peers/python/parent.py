"""Ends this process together with the one that started it."""

import os
import sys
import threading


def exit_with_parent():
    """Standard input is a pipe that nobody writes to: its end is the end of the parent."""
    threading.Thread(target=_wait_for_end_of_input, daemon=True).start()


def _wait_for_end_of_input():
    sys.stdin.buffer.read()
    os._exit(3)
