"""Who may ask for what does not belong to one topic or group: the same permissions as on Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from chronik.http.interfaces import HttpAnswer, HttpError, HttpHandler, HttpRequest
from chronik.http.routing import Route, Routes
from chronik.security.interfaces import ANONYMOUS, CLUSTER_NAME, SOME, Action, IAuthorizer, Operation, ResourceType

GUARDED_PATHS: Final = ("metrics", "health")
"""First segments of paths that tell of the whole broker; ``http.anonymous.paths`` may open them."""

OPEN_PATHS: Final = frozenset({"health/livez", "health/readyz"})
"""What everybody may ask: they tell nothing but whether the broker works, and whoever restarts it when it does not has no password."""


class Access:
    """Asks the authorizer.

    :param anonymous_paths: of ``http.anonymous.paths``; what they and all below them answer, everybody may see.
    """

    def __init__(self, authorizer: IAuthorizer, anonymous_paths: Iterable[str] = ()) -> None:
        self._authorizer = authorizer
        self._open = [tuple(segment for segment in path.split("/") if segment) for path in anonymous_paths]

    async def allowed(self, request: HttpRequest, actions: Sequence[Action]) -> Sequence[bool]:
        """Whether each action is allowed to whoever asks."""
        answers: Sequence[bool] = await self._authorizer.authorize(request.principal, request.peer_host, actions)
        return answers

    async def check_cluster(self, request: HttpRequest, operation: Operation) -> None:
        """Refuse who may not do this to the cluster.

        :raises HttpError: 403.
        """
        if not (await self.allowed(request, [Action(operation, ResourceType.CLUSTER, CLUSTER_NAME)]))[0]:
            raise HttpError(403, "security_exception", f"{request.principal} may not {operation.name.lower()} the cluster")

    async def check_any(self, request: HttpRequest, operation: Operation, resource_type: ResourceType) -> None:
        """Refuse who is nobody, and may do this to no resource that there could be: an empty list would not have anybody log in.

        :raises HttpError: 403.
        """
        if request.principal == ANONYMOUS and not (await self.allowed(request, [Action(operation, resource_type, SOME)]))[0]:
            raise HttpError(403, "security_exception", f"{request.principal} may not {operation.name.lower()} any {resource_type.name.lower()}")

    def is_open(self, path: tuple[str, ...]) -> bool:
        """Whether everybody may see what is at a path."""
        return "/".join(path) in OPEN_PATHS or any(path == prefix or (prefix and path[: len(prefix)] == prefix) for prefix in self._open)

    def guard(self, routes: Routes) -> None:
        """Let only those see :data:`GUARDED_PATHS` who may describe the cluster."""
        for path, route in routes.paths.items():
            if path.split("/")[0] in GUARDED_PATHS:
                routes.paths[path] = Route({method: self._guarded(handler) for method, handler in route.handlers.items()})

    def _guarded(self, handler: HttpHandler) -> HttpHandler:
        async def serve(request: HttpRequest) -> HttpAnswer:
            if not self.is_open(request.path):
                await self.check_cluster(request, Operation.DESCRIBE)
            return await handler(request)

        return serve

    async def check_known(self, request: HttpRequest) -> None:
        """Refuse who is nobody and may not describe the cluster either. To a client with a name, Kafka too says which cluster this is.

        :raises HttpError: 403.
        """
        if request.principal == ANONYMOUS:
            await self.check_cluster(request, Operation.DESCRIBE)
