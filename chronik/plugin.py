"""Finding backends: the four seams, their makers, and the twisted plugin system behind them.

A maker holds strings only; the module it names loads when a backend is made.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import twisted.plugin
import twisted.plugins
from twisted.plugin import IPlugin
from zope.interface import Attribute, implementer
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from chronik.errors import ConfigurationError

SEAMS: Final = ("storage", "index", "auth", "metadata")
"""What can be replaced by a plugin."""

SELECTORS: Final[Mapping[str, str]] = {
    "log.store": "storage",
    "search.backend": "index",
    "authorizer": "auth",
    "credential.store": "auth",
    "token.validator": "auth",
    "metadata.store": "metadata",
}
"""The configuration keys that name backends, and the seam of each. One backend may be named by several keys, and is made once for each seam."""


def selectors_of(seam: str, name: str = "") -> str:
    """The keys that name a seam's backends, for messages; with ``name``, as they are written to choose that one."""
    return " or ".join(f"{key}={name}" if name else key for key, chosen in SELECTORS.items() if chosen == seam)


class IBackendMaker(IPlugin):
    """Makes one kind of backend. Drop-ins in ``twisted/plugins`` hold these at module level."""

    seam = Attribute("""One of :data:`SEAMS`.""")
    name = Attribute("""What the configuration calls it, unique within its seam.""")
    summary = Attribute("""One line for ``--backends``.""")
    help = Attribute("""What ``--help-backend`` prints: behaviour and options.""")
    secrets = Attribute("""Names of options that are secrets: they are never shown, and ``OPTION.file`` names a file that holds one.""")
    interface = Attribute("""Dotted name of the interface that :meth:`make`'s result provides.""")

    def make(context: Any, options: Mapping[str, str]) -> Any:
        """Load the module and make the backend.

        :param context: the seam's context object, see each seam's ``interfaces.py``.
        :param options: the configuration's ``plugin.<seam>.<name>.*`` keys, without that prefix.
        :raises ConfigurationError: an option is missing, unknown or wrong.
        """


@implementer(IBackendMaker)
@dataclass(frozen=True)
class BackendMaker:
    """A maker that a drop-in writes in one statement.

    :ivar interface: ``module:Name`` of the interface that what it makes provides.
    :ivar factory: ``module:callable``, called with the seam's context and the options.
    :ivar secrets: which of the options are secrets.
    """

    seam: str
    name: str
    summary: str
    help: str
    interface: str
    factory: str
    secrets: tuple[str, ...] = ()

    def make(self, context: Any, options: Mapping[str, str]) -> Any:
        """Load the factory's module, call it, and check what it made.

        :raises ConfigurationError: the module cannot be loaded, or what it made does not provide the interface.
        """
        made = self._load(self.factory)(context, options)
        try:
            verifyObject(self._load(self.interface), made)
        except Invalid as problem:
            raise ConfigurationError(f"{self.seam}:{self.name} made something that is no {self.interface.partition(':')[2]}: {problem}") from None
        return made

    def _load(self, reference: str) -> Any:
        module, _, attribute = reference.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as problem:
            raise ConfigurationError(f"{self.seam}:{self.name} cannot be loaded, {reference} is not to be had: {problem}") from problem


@dataclass(frozen=True, slots=True)
class Found:
    """A maker and the drop-in module that holds it."""

    maker: Any
    module: str


def find_backends(package: ModuleType = twisted.plugins) -> Sequence[Found]:
    """Every maker there is, by seam and name.

    :param package: where drop-ins are looked for.
    :raises ConfigurationError: a maker is not what it should be, or two have one name; says which modules hold them.
    """
    found: dict[tuple[str, str], Found] = {}
    for each in _makers(package):
        _check(each)
        other = found.setdefault((each.maker.seam, each.maker.name), each)
        if other is not each:
            raise ConfigurationError(
                f"two backends are called {each.maker.seam}:{each.maker.name}, in {other.module} and in {each.module}; uninstall one of them"
            )
    return sorted(found.values(), key=lambda each: (SEAMS.index(each.maker.seam), each.maker.name))


def find_backend(seam: str, name: str, package: ModuleType = twisted.plugins) -> Any:
    """The maker of one backend.

    :returns: an :class:`IBackendMaker`.
    :raises ConfigurationError: there is none; names the nearest one.
    """
    makers = {each.maker.name: each.maker for each in find_backends(package) if each.maker.seam == seam}
    if name not in makers:
        near = difflib.get_close_matches(name, makers, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(makers) or 'none'}"
        key = selectors_of(seam)
        raise ConfigurationError(f"no {seam} backend is called {name!r}{f' ({key})' if key else ''}; {hint}")
    return makers[name]


def secret_options(seam: str, name: str) -> Sequence[str]:
    """The options of a backend that are secrets; none where there is no such backend, whose options nobody reads."""
    try:
        return tuple(find_backend(seam, name).secrets)
    except ConfigurationError:
        return ()


def listing(package: ModuleType = twisted.plugins) -> str:
    """What ``--backends`` prints: one line a backend."""
    backends = find_backends(package)
    width = max((len(f"{each.maker.seam}:{each.maker.name}") for each in backends), default=0)
    lines = [f"{f'{each.maker.seam}:{each.maker.name}':<{width}}  {each.maker.summary}" for each in backends]
    lines.append("")
    lines.extend(f"{selectors_of(seam, 'NAME')} chooses the {seam} backend." for seam in SEAMS)
    return "\n".join(lines)


def explain(reference: str, package: ModuleType = twisted.plugins) -> str:
    """What ``--help-backend SEAM:NAME`` prints.

    :raises ConfigurationError: the reference is no ``SEAM:NAME`` of a backend.
    """
    seam, separator, name = reference.partition(":")
    if not separator or seam not in SEAMS:
        raise ConfigurationError(f"{reference!r} is not SEAM:NAME; seams are {', '.join(SEAMS)}, and --backends lists all names")
    maker = find_backend(seam, name, package)
    chosen = f"Chosen by {selectors_of(seam, name)}; options are set as plugin.{seam}.{name}.OPTION."
    return f"{seam}:{name}: {maker.summary}\n\n{maker.help.strip()}\n\n{chosen}"


def _makers(package: ModuleType) -> Iterator[Found]:
    # getPlugins() would do, but it hides which drop-in a plugin comes from, and a duplicate's message must say that.
    for dropin in twisted.plugin.getCache(package).values():
        for plugin in dropin.plugins:
            maker = IBackendMaker(plugin, None)
            if maker is not None:
                yield Found(maker, dropin.moduleName)


def _check(found: Found) -> None:
    try:
        verifyObject(IBackendMaker, found.maker)
    except Invalid as problem:
        raise ConfigurationError(f"a plugin in {found.module} is no backend maker: {problem}") from None
    if found.maker.seam not in SEAMS:
        raise ConfigurationError(f"a plugin in {found.module} is for the seam {found.maker.seam!r}; seams are {', '.join(SEAMS)}")
