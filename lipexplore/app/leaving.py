"""A page says that it is being closed."""

from __future__ import annotations

from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler


class LeaveHandler(VoilaShutdownKernelHandler):  # type: ignore[misc]
    """Ends the kernel of a page.

    Browsers send this as a beacon, which cannot carry the XSRF token that Voila's own handler asks
    for; the random number of the kernel, which only its page knows, takes its place.
    """

    def check_xsrf_cookie(self) -> None:
        """Ask for no token."""
