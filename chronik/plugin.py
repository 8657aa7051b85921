"""Finding backends: the four seams, their makers, and the twisted plugin system behind them.

A maker holds strings only; the module it names loads when a backend is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from twisted.plugin import IPlugin, getPlugins
from zope.interface import Attribute, Interface, implementer
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from chronik.errors import ConfigurationError

SEAMS: Final = ("storage", "index", "auth", "metadata")
"""What can be replaced by a plugin."""


class IBackendMaker(IPlugin):
    """Makes one kind of backend. Drop-ins in ``twisted/plugins`` hold these at module level."""

    seam = Attribute("""One of :data:`SEAMS`.""")
    name = Attribute("""What the configuration calls it, unique within its seam.""")
    summary = Attribute("""One line for ``--backends``.""")
    help = Attribute("""What ``--help-backend`` prints: behaviour and options.""")
    interface = Attribute("""Dotted name of the interface that :meth:`make`'s result provides.""")

    def make(context: Any, options: Mapping[str, str]) -> Any:
        """Load the module and make the backend.

        :param context: the seam's context object, see each seam's ``interfaces.py``.
        :param options: the configuration's ``plugin.<seam>.<name>.*`` keys, without that prefix.
        :raises ConfigurationError: an option is missing, unknown or wrong.
        """
