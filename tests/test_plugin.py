"""Finding backends."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.config import BROKER_KEYS
from chronik.errors import ConfigurationError
from chronik.plugin import SEAMS, SELECTORS, BackendMaker, IBackendMaker, explain, find_backend, find_backends, listing
from chronik.security.allow_all import AllowAll

MAKER = 'from chronik.plugin import BackendMaker\n{name} = BackendMaker("auth", "{name}", "Says {name}.", "Help.", "a:B", "c:d")\n'


def auth(
    name: str = "x", interface: str = "chronik.security.interfaces:IAuthorizer", factory: str = "chronik.security.allow_all:make"
) -> BackendMaker:
    """A maker of the auth seam."""
    return BackendMaker("auth", "x", "s", "h", interface, factory)


class FinderTests(SynchronousTestCase):
    """Drop-ins in a package of their own."""

    def package(self, **dropins: str) -> ModuleType:
        """A package with these drop-ins."""
        path = Path(self.mktemp()).resolve()
        name = f"chronik_test_dropins_{id(self)}"
        (path / name).mkdir(parents=True)
        (path / name / "__init__.py").touch()
        for dropin, text in dropins.items():
            (path / name / f"{dropin}.py").write_text(text, encoding="utf-8")
        sys.path.insert(0, str(path))
        self.addCleanup(sys.path.remove, str(path))
        package = __import__(name)
        self.addCleanup(lambda: [sys.modules.pop(loaded) for loaded in list(sys.modules) if loaded.startswith(name)])
        return package

    def refused(self, package: ModuleType) -> str:
        """Why a package's makers cannot be used."""
        return str(self.assertRaises(ConfigurationError, find_backends, package))

    def test_found(self) -> None:
        """Every maker of every drop-in, in order."""
        package = self.package(one=MAKER.format(name="b"), two=MAKER.format(name="a"))
        self.assertEqual(["a", "b"], [found.maker.name for found in find_backends(package)])
        self.assertEqual("Says b.", find_backend("auth", "b", package).summary)

    def test_unknown_name(self) -> None:
        """The nearest is suggested; without one, all are named."""
        package = self.package(one=MAKER.format(name="htpasswd"))
        message = str(self.assertRaises(ConfigurationError, find_backend, "auth", "htpaswd", package))
        self.assertIn("did you mean htpasswd?", message)
        self.assertIn("authorizer", message)
        self.assertIn("there are: htpasswd", str(self.assertRaises(ConfigurationError, find_backend, "auth", "zzz", package)))
        self.assertIn("there are: none", str(self.assertRaises(ConfigurationError, find_backend, "index", "htpasswd", package)))

    def test_duplicate(self) -> None:
        """Two of one name are refused, naming both modules."""
        message = self.refused(self.package(one=MAKER.format(name="a"), two=MAKER.format(name="a")))
        for part in ("auth:a", ".one", ".two"):
            self.assertIn(part, message)

    def test_incomplete_maker(self) -> None:
        """Something that says it is a maker and is not is refused, naming its module and what is missing."""
        text = (
            "from zope.interface import implementer\nfrom chronik.plugin import IBackendMaker\n"
            "@implementer(IBackendMaker)\nclass Half:\n    seam = 'auth'\n    name = 'half'\nhalf = Half()\n"
        )
        message = self.refused(self.package(broken=text))
        self.assertIn(".broken", message)
        self.assertIn("make", message)

    def test_unknown_seam(self) -> None:
        """A seam that is none is refused."""
        self.assertIn("'network'", self.refused(self.package(one=MAKER.format(name="a").replace('"auth"', '"network"'))))

    def test_other_plugins_are_left_alone(self) -> None:
        """Drop-ins of other programs are not makers and do no harm."""
        package = self.package(
            other="from zope.interface import implementer\nfrom twisted.plugin import IPlugin\n@implementer(IPlugin)\nclass P:\n    pass\np = P()\n"
        )
        self.assertEqual([], list(find_backends(package)))


class MakerTests(SynchronousTestCase):
    """Making backends."""

    def check(self, maker: BackendMaker, options: dict[str, str] | None = None) -> Any:
        """What it makes."""
        return maker.make(None, options or {})

    def test_makes(self) -> None:
        """The module loads and the factory gets its options."""
        self.assertIsInstance(self.check(auth()), AllowAll)
        self.assertRaises(ConfigurationError, self.check, auth(), {"a": "b"})

    def test_wrong_interface(self) -> None:
        """What does not provide what the maker says is refused, naming backend and interface."""
        message = str(self.assertRaises(ConfigurationError, self.check, auth(interface="chronik.security.interfaces:ICredentialStore")))
        self.assertIn("auth:x", message)
        self.assertIn("ICredentialStore", message)

    def test_missing_module(self) -> None:
        """A module or name that is not there is refused, naming it."""
        for factory in ("chronik.security.nowhere:make", "chronik.security.allow_all:nothing"):
            self.assertIn(factory, str(self.assertRaises(ConfigurationError, self.check, auth(factory=factory))))


class BuiltInTests(SynchronousTestCase):
    """The backends that come along."""

    def test_all(self) -> None:
        """Each seam has its own, at least two each."""
        names = {f"{found.maker.seam}:{found.maker.name}" for found in find_backends()}
        expected = (
            "storage:segment storage:memory index:tantivy index:sqlite index:none auth:allow-all auth:file auth:jwks metadata:file metadata:memory"
        )
        self.assertLessEqual(set(expected.split()), names)

    def test_defaults_exist(self) -> None:
        """What the configuration names by default is there."""
        self.assertEqual(set(SEAMS), set(SELECTORS.values()))
        for key, seam in SELECTORS.items():
            default = BROKER_KEYS[key].default
            self.assertTrue(default is None or IBackendMaker.providedBy(find_backend(seam, str(default))))

    def test_listing(self) -> None:
        """A line each, and how to choose."""
        text = listing()
        self.assertIn("auth:allow-all", text)
        self.assertIn("log.store=NAME", text)

    def test_explain(self) -> None:
        """Summary, help, and how to choose it and set its options."""
        text = explain("auth:file")
        for part in ("path", "authorizer=file", "plugin.auth.file.OPTION"):
            self.assertIn(part, text)

    def test_explain_nonsense(self) -> None:
        """What is no reference is refused with what there is."""
        for reference in ("file", "network:x", ""):
            self.assertIn("SEAM:NAME", str(self.assertRaises(ConfigurationError, explain, reference)))
