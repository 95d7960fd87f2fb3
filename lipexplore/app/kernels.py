"""The kernels of the open pages: so many and no more, each ended when its page is idle."""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Integer, Set
from traitlets.config import Config

from lipexplore.app.options import Options
from lipexplore.experiments.store import ROOT

PATIENCE: Final = 4.0
"""Seconds that a new page waits for a place: one that is loaded again ends its old kernel first."""


class PageKernels(AsyncMappingKernelManager):
    """Starts a kernel for each page while there is a place, and refuses politely then."""

    most = Integer(1, config=True, help="most kernels at the same time")
    lonely_seconds = Integer(60, config=True, help="after which a kernel without page gives way")
    starting = Set(help="numbers of the kernels on their way")

    async def start_kernel(self, **values: Any) -> str:  # type: ignore[override]
        """Start a kernel and return its number.

        Raises
        ------
        HTTPError
            503 if all places are taken.
        """
        end = asyncio.get_running_loop().time() + PATIENCE
        while self._taken() >= self.most:
            if asyncio.get_running_loop().time() > end:
                raise HTTPError(503, "all %d places are taken", self.most)
            for lonely in self._lonely():
                with contextlib.suppress(HTTPError, KeyError):  # another page may have ended it
                    await self.shutdown_kernel(lonely)  # type: ignore[no-untyped-call]
            await asyncio.sleep(0.1)
        number = self.new_kernel_id(**values)
        self.starting.add(number)
        # the page's own folder goes with the server: runs are kept where the server was started
        env = {ROOT: str(Path("runs").absolute()), **os.environ, **values.pop("env", {})}
        try:
            # what a kernel says as it ends is of no use to whoever started the server
            return await super().start_kernel(kernel_id=number, stderr=DEVNULL, env=env, **values)
        finally:
            self.starting.discard(number)

    def _taken(self) -> int:
        return len(self.starting.union(self.list_kernel_ids()))

    def _lonely(self) -> list[str]:
        """Return the kernels that no page is connected to: it was closed before it was there."""
        before = datetime.now(UTC) - timedelta(seconds=self.lonely_seconds)
        return [
            number
            for number in set(self.list_kernel_ids()) - self.starting
            if not self._kernel_connections.get(number)
            and self.get_kernel(number).last_activity < before
        ]


def kernel_settings(options: Options) -> Config:
    """Return the configuration: the cap, the idle time-out, and a dead kernel stays dead.

    A kernel that started again would know nothing of its page.
    """
    idle = 60.0 * options.idle_minutes
    settings = Config()
    settings.VoilaConfiguration.multi_kernel_manager_class = PageKernels
    settings.PageKernels.most = options.users
    settings.MappingKernelManager.cull_idle_timeout = max(1, round(idle))
    settings.MappingKernelManager.cull_interval = max(1, min(60, round(idle / 10.0)))
    settings.MappingKernelManager.cull_connected = True
    settings.MappingKernelManager.transport_encryption = "auto"
    settings.KernelRestarter.restart_limit = 0
    return settings
