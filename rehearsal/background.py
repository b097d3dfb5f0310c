"""Doing something beside a block of code, in a thread of its own, until the block is over."""

import threading
from abc import ABC, abstractmethod
from typing import Self


class BackgroundThread(ABC):
    """A context manager whose ``work`` goes on while the block runs; leaving the block waits for its end."""

    def __init__(self) -> None:
        """Prepare the thread; it starts with the block."""
        self.over = threading.Event()
        """Set when the block has ended: ``work`` returns soon after."""
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Have it end, and wait for that."""
        self.over.set()
        self.thread.join()

    @abstractmethod
    def work(self) -> None:
        """Do it, until ``over`` is set."""
