"""Kafka's APIs for callers that did not come over Kafka: the same authorization, the same handlers, the same audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chronik.errors import KafkaError
from chronik.network.interfaces import Session
from chronik.server.auditing import RequestAudit
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.security.interfaces import Principal
    from chronik.server.api import Api
    from chronik.server.services import Services


class ApiCalls:
    """Calls APIs of the table at their highest version.

    :param apis: the table's rows.
    """

    def __init__(self, services: Services, apis: Iterable[Api]) -> None:
        self._services = services
        self._apis: Mapping[int, Api] = {api.key: api for api in apis}
        self._audit = RequestAudit(services.audit)

    async def call(self, request: Any, principal: Principal, host: str, listener: str) -> Any:
        """The response to a request, as a client would be answered; of a whole request that fails too.

        :param request: a message that has an API.
        :param host: the caller's address.
        :param listener: what they came through, for the audit trail.
        """
        services = self._services
        api = self._apis[request.api_key]
        version = api.versions[1]
        session = Session(listener, host, 0, "", 0, principal)
        actions = tuple(dict.fromkeys(api.rule(services, request)))
        allowed = await services.authorizer.authorize(principal, host, actions) if actions else ()
        decisions = dict(zip(actions, allowed, strict=True))
        before = services.metadata.image
        try:
            response = await api.handler(RequestContext(services, session, api.key, version, None, decisions), request)
        except KafkaError as error:
            response = api.refusal(request, version, error)
        if self._audit.enabled and response is not None:
            self._audit.answered(api, session, None, decisions, before, services.metadata.image, request, response)
        return response
