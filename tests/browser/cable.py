"""A network cable between browser and gateway that a test can pull out and put back."""

import select
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65_536
POLL_SECONDS = 0.1


class Cable:
    """Forwards a port of its own to a gateway. Pulled, it drops every connection and takes no new one."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._far = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._near = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._plugged = True
        self._ended = False
        self.url = f"http://127.0.0.1:{self._near.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self.pull()
        self._near.close()

    def pull(self) -> None:
        with self._lock:
            self._plugged = False
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def plug(self) -> None:
        with self._lock:
            self._plugged = True

    def _accept(self) -> None:
        while not self._ended:
            with suppress(OSError):
                if select.select([self._near], [], [], POLL_SECONDS)[0]:
                    near, _ = self._near.accept()
                    threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with suppress(OSError), near, socket.create_connection(self._far) as far:
            with self._lock:
                if not self._plugged:
                    return
                self._open |= {near, far}
            try:
                while True:
                    for source in select.select([near, far], [], [])[0]:
                        read = source.recv(CHUNK)
                        if not read:
                            return
                        (far if source is near else near).sendall(read)
            finally:
                with self._lock:
                    self._open -= {near, far}
