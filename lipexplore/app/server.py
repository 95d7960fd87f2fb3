"""Serves the workbench with Voila until it is stopped."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from socket import socket
from typing import Any, Final

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from voila.app import Voila

from lipexplore.app.kernels import kernel_settings
from lipexplore.app.leaving import LeaveHandler
from lipexplore.app.options import Options, is_loopback

TEMPLATES: Final = Path(__file__).with_name("templates")


class Server(Voila):  # type: ignore[misc]
    """Voila on one notebook, with our templates and without any configuration file.

    Parameters
    ----------
    options
        What to serve, to whom.
    folder
        An empty folder for the notebook and the connection files.
    """

    def __init__(self, options: Options, folder: Path) -> None:
        super().__init__(
            config=kernel_settings(options),
            config_file_paths=[],
            connection_dir_root=str(folder),
            log_level=logging.ERROR,
            open_browser=False,
            notebook_path=str(_write_notebook(options.networks, folder)),
            token=options.token,
        )
        self._options = options
        self.tornado_settings = {
            # a page of another site must not reach a server without token by a name of its own
            "allow_remote_access": not is_loopback(options.host),
            "ws_ping_timeout": 30_000,
        }
        self.initialize(argv=[])
        self.voila_configuration.allow_template_override = "NO"

    def setup_template_dirs(self) -> None:
        """Look for templates in our folder first."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATES))

    def init_handlers(self) -> list[Any]:
        """Answer a page that is closed ourselves, the rest as Voila does."""
        return [(r"/voila/api/shutdown/([\w-]+)", LeaveHandler), *super().init_handlers()]

    def run(self, listening: socket, on_address: Callable[[str], None]) -> None:
        """Serve until SIGINT or SIGTERM."""
        self._listening = listening
        self._on_address = on_address
        self.start()

    def listen(self) -> None:
        """Tell the address, serve until a signal comes, end all kernels."""
        server = HTTPServer(self.app)
        server.add_socket(self._listening)
        self.ioloop = IOLoop.current()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle_signal_stop)
        self._on_address(self._options.address(self._listening.getsockname()[1]))
        try:
            self.ioloop.start()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            server.stop()
            self.stop()


def serve(options: Options, on_address: Callable[[str], None]) -> None:
    """Serve the workbench as a page until this program is interrupted or terminated.

    Parameters
    ----------
    options
        What to serve, to whom.
    on_address
        Called with the address of the page once it can be opened.

    Raises
    ------
    InvalidSetting
        If the address cannot be had.
    """
    logging.getLogger("tornado").setLevel(logging.CRITICAL)
    with (
        options.listen() as listening,
        tempfile.TemporaryDirectory(prefix="lipexplore-") as folder,
    ):
        Server(options, Path(folder).resolve()).run(listening, on_address)


def open_in_browser(address: str) -> None:
    """Open the page where there is a display and LIPEXPLORE_NO_BROWSER is not set."""
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if (shown or sys.platform == "darwin") and not os.environ.get("LIPEXPLORE_NO_BROWSER"):
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _write_notebook(networks: tuple[str, ...], folder: Path) -> Path:
    sources = [str(Path(name).resolve()) if Path(name).exists() else name for name in networks]
    code = f"import lipexplore\nlipexplore.explore({sources!r})"
    cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "id": "page"}
    notebook = {
        "cells": [cell | {"metadata": {}, "outputs": [], "source": code}],
        "metadata": {
            "kernelspec": {"display_name": "Python", "language": "python", "name": "python3"},
            "title": "lipexplore",
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = folder / "lipexplore.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path
