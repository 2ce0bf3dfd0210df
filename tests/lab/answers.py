# SPDX-License-Identifier: GPL-2.0-or-later
"""A control socket in a folder of its own, as a daemon has it, for tests of the command alone."""

import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading


class Answers:
    """`folder` is the command's --runtime-dir. Each request is answered with what `document()`
    returns then."""

    def __init__(self, document):
        self._document = document

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="vsf-answers-")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(os.path.join(self.folder, "control"))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):  # it may end before it has its answer
                client.recv(4096)
                client.sendall(json.dumps(self._document()).encode())

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        shutil.rmtree(self.folder)
