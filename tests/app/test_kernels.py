"""A kernel whose page never came gives way, one that is used does not."""

from __future__ import annotations

import asyncio

import pytest
from tornado.web import HTTPError

from lipexplore.app import kernels
from lipexplore.app.kernels import PageKernels


@pytest.mark.slow
def test_a_lonely_kernel_gives_way(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "PATIENCE", 0.3)

    async def story() -> None:
        manager = PageKernels(most=1, lonely_seconds=0, connection_dir=str(tmp_path))
        first = await manager.start_kernel()
        manager.notify_connect(first)
        with pytest.raises(HTTPError, match="all 1 places are taken"):
            await manager.start_kernel()
        manager.notify_disconnect(first)
        # a place that came free at the last moment is taken, however long the ending took
        slow = manager.shutdown_kernel

        async def shutdown_slowly(*values, **named):
            await asyncio.sleep(0.5)
            await slow(*values, **named)

        monkeypatch.setattr(manager, "shutdown_kernel", shutdown_slowly)
        second = await manager.start_kernel()
        assert manager.list_kernel_ids() == [second]
        await manager.shutdown_all(now=True)

    asyncio.run(story())
