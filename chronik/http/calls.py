"""Kafka's APIs as whoever sends an HTTP request calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from chronik.http.interfaces import HttpRequest
    from chronik.server.calls import ApiCalls

LISTENER: Final = "HTTP"
"""What the audit trail calls the way in."""


class HttpCalls:
    """Calls APIs for the senders of requests.

    :param calls: does what the APIs do.
    """

    def __init__(self, calls: ApiCalls) -> None:
        self._calls = calls

    async def call(self, message: Any, request: HttpRequest) -> Any:
        """The response to a message, for the sender of a request; see :meth:`~chronik.server.calls.ApiCalls.call`."""
        return await self._calls.call(message, request.principal, request.peer_host, LISTENER)
