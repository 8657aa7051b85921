"""Style as far as a machine can tell."""

from __future__ import annotations

import ast
import importlib
import statistics
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass, Method

from tests.meta.source import ROOT, Module, length, modules

MODULE_LINES_MAX: Final = 800
MODULE_LINES_LOOKED_AT: Final = 500
FUNCTION_LINES_MAX: Final = 70
FUNCTION_LINES_MEDIAN_MAX: Final = 8

LARGE_MODULES: Final = {
    "chronik/protocol/table.py": "generated: one line a field of a message",
}
"""Modules past :data:`MODULE_LINES_LOOKED_AT` that were looked at, and why they stay so."""


def _unannotated(module: Module) -> list[str]:
    problems = []
    for function in module.functions():
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        bare = [argument.arg for argument in arguments if argument.annotation is None and argument.arg not in ("self", "cls")]
        if bare or function.returns is None:
            problems.append(f"{module.place}:{function.lineno} {function.name}: {', '.join(bare) or 'what it returns'} has no annotation")
    return problems


class SizeTests(SynchronousTestCase):
    """Modules and functions stay small."""

    def test_modules(self) -> None:
        """No module is over 800 lines, and each over 500 was looked at and listed."""
        large = {module.place: module.lines for module in modules() if module.lines > MODULE_LINES_LOOKED_AT}
        self.assertEqual([], [place for place, lines in large.items() if lines > MODULE_LINES_MAX and place not in LARGE_MODULES])
        unlisted = {place: lines for place, lines in large.items() if place not in LARGE_MODULES}
        self.assertEqual({}, unlisted, "look whether these modules do two things")

    def test_list_of_large_modules_only_shrinks(self) -> None:
        """A module that became small again leaves the list, so that it cannot grow back unseen."""
        large = {module.place for module in modules() if module.lines > MODULE_LINES_LOOKED_AT}
        self.assertEqual(set(), set(LARGE_MODULES) - large)

    def test_functions(self) -> None:
        """No function is over 70 lines."""
        long = [
            f"{module.place}:{function.lineno} {function.name} has {length(function)} lines"
            for module in modules()
            for function in module.functions()
            if length(function) > FUNCTION_LINES_MAX
        ]
        self.assertEqual([], long, "\n" + "\n".join(long))

    def test_median_function(self) -> None:
        """Half of all functions are short."""
        lengths = [length(function) for module in modules() for function in module.functions() if length(function)]
        self.assertLessEqual(statistics.median(lengths), FUNCTION_LINES_MEDIAN_MAX)


class AnnotationTests(SynchronousTestCase):
    """Types are everywhere."""

    def test_functions_are_annotated(self) -> None:
        """Every argument and result of every function has a type."""
        problems = [problem for module in modules() for problem in _unannotated(module)]
        self.assertEqual([], problems, "\n" + "\n".join(problems))


class InjectionTests(SynchronousTestCase):
    """The reactor and its kin are constructor arguments."""

    STARTERS: Final = {"chronik/search/worker/__main__.py", "chronik/tap.py"}
    """Programs: somebody must begin."""

    def test_no_reactor_import(self) -> None:
        """No module imports the global reactor, but the programs that start it."""
        found = [
            f"{module.place}:{line}"
            for module in modules()
            if module.place not in self.STARTERS and not module.place.startswith("chronik/cli/")
            for line, target in module.imports()
            if target == "twisted.internet.reactor"
        ]
        self.assertEqual([], found)

    def test_no_mock(self) -> None:
        """Tests use fakes that provide the interface."""
        found = [
            f"{module.place}:{line}"
            for folder in ("chronik", "tests", "contrib")
            for module in modules(folder)
            for line, target in module.imports()
            if target.startswith(("unittest.mock", "mock."))
        ]
        self.assertEqual([], found)


class DocumentationTests(SynchronousTestCase):
    """What others build on is documented."""

    def _interfaces(self) -> list[tuple[str, InterfaceClass]]:
        found = []
        for module in modules():
            if module.name.endswith("interfaces") or module.name == "chronik.plugin":
                for value in vars(importlib.import_module(module.name)).values():
                    if isinstance(value, InterfaceClass) and value.__module__ == module.name:
                        found.append((f"{module.name}.{value.__name__}", value))
        return found

    def test_interfaces(self) -> None:
        """Every interface, and every method and attribute of it, has a docstring."""
        missing = []
        for name, interface in self._interfaces():
            members: list[tuple[str, Any]] = [(name, interface)]
            members += [(f"{name}.{member}", interface[member]) for member in interface.names()]
            missing += [member for member, value in members if not value.__doc__]
            missing += [f"{member} (no verb)" for member, value in members if isinstance(value, Method) and len(value.__doc__ or "") < 10]
        self.assertEqual([], missing)

    def test_there_are_interfaces(self) -> None:
        """The check above looks at something."""
        names = {name.rsplit(".", 1)[1] for name, _ in self._interfaces()}
        self.assertLessEqual({"ILogStore", "IAuthorizer", "IMetadataStore", "ISearchBackend", "IBackendMaker"}, names)

    def test_modules_have_docstrings(self) -> None:
        """Every module says what it is for."""
        missing = [module.place for folder in ("chronik", "tests") for module in modules(folder) if not ast.get_docstring(module.tree)]
        self.assertEqual([], missing)

    def test_tests_say_what_they_mean(self) -> None:
        """Every test opens with a sentence of intent."""
        missing = [
            f"{module.place}:{function.lineno} {function.name}"
            for module in modules("tests")
            for function in module.functions()
            if function.name.startswith("test_") and not ast.get_docstring(function)
        ]
        self.assertEqual([], missing, "\n" + "\n".join(missing))


class DropInTests(SynchronousTestCase):
    """Drop-ins are read by every program that uses twisted's plugins."""

    LIGHT: Final = {"chronik.plugin", "twisted.application.service"}

    def test_imports_are_light(self) -> None:
        """A drop-in imports the maker classes and nothing else."""
        for module in modules("twisted/plugins"):
            heavy = [target for _, target in module.imports() if not any(target.startswith(light + ".") for light in self.LIGHT)]
            self.assertEqual([], heavy, module.place)

    def test_one_statement_each(self) -> None:
        """A drop-in has imports, strings and calls of makers; no code of its own."""
        for module in modules("twisted/plugins"):
            kinds = {type(node) for node in module.tree.body}
            self.assertLessEqual(kinds, {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}, module.place)

    def test_namespace_is_shared(self) -> None:
        """twisted/ and twisted/plugins/ belong to all: an __init__ there would hide Twisted itself."""
        self.assertEqual([], [str(path) for path in (ROOT / "twisted").rglob("__init__.py")])
