"""Jupyter's settings for the widgets: a kernel's small messages go to the page at once.

A move of a slider is answered by three messages: busy, the numbers, idle. TCP holds a small one back until the one
before it is acknowledged (Nagle), and the page's machine puts an acknowledgement off for up to 40 ms.
"""

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821


class AtOnce(ZMQChannelsWebsocketConnection):
    """The connection of a page to its kernel, whose messages don't wait for each other."""

    def connect(self) -> Any:
        """Connect the page to the kernel."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


c.ServerApp.kernel_websocket_connection_class = AtOnce
c.Voila.kernel_websocket_connection_class = AtOnce
