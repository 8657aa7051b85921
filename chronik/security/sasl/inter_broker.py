"""How a broker logs in to the others of its cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from chronik.config import Configuration
from chronik.config.listeners import parse_protocol_map
from chronik.config.sasl_keys import OAUTHBEARER
from chronik.defer import IThreadPools, Pool
from chronik.errors import ConfigurationError
from chronik.network.interfaces import ISaslClient
from chronik.security.sasl.bearer_client import BearerClient
from chronik.security.sasl.client import sasl_client
from chronik.security.sasl.jaas import module_for
from chronik.security.tokens.outgoing import ENDPOINT, token_source


def inter_broker_client(
    config: Configuration, listener: str, pools: IThreadPools, random: Callable[[int], bytes], reactor: Any
) -> Callable[[], ISaslClient] | None:
    """What makes this broker's side of a login; None where the listener of brokers asks for none, or where nothing is said of who this is.

    :param listener: the one that brokers use among themselves.
    :param reactor: asks for tokens and keeps time.
    :raises ConfigurationError: what is said of it is wrong.
    """
    if not parse_protocol_map(config.get("listener.security.protocol.map")).get(listener.upper(), "").startswith("SASL_"):
        return None
    mechanism: str = config.get("sasl.mechanism.inter.broker.protocol")
    own_view = config.for_listener(listener)
    module = module_for(mechanism, own_view.get(f"{mechanism.lower()}.sasl.jaas.config"))
    if mechanism == OAUTHBEARER:
        if own_view.get(ENDPOINT) is None:
            return None
        tokens = token_source(own_view, module, reactor, partial(pools.run, Pool.READ))
        return lambda: BearerClient(tokens)
    if module is None:
        return None
    own = module.own
    if own is None:
        raise ConfigurationError(f"the sasl.jaas.config of {mechanism} on {listener} has no username and password for this broker to log in with")
    return lambda: sasl_client(mechanism, *own, pools, random)
