"""Imports run one way: run.py -> harness -> tasks -> models, pipeline. Read from the source, nothing is run."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WINGS = ("tasks", "models", "pipeline", "harness")
# What each wing may import.
BELOW = {
    "run": set(WINGS),
    "harness": set(WINGS),
    "tasks": {"tasks", "models", "pipeline"},
    "models": {"models", "pipeline"},
    "pipeline": {"pipeline"},
}


def name_module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def read_modules() -> dict[str, Path]:
    # The templates of `new` are programs of the user's.
    paths = [ROOT / "run.py", *(path for wing in WINGS for path in sorted((ROOT / wing).rglob("*.py")))]
    return {name_module(path): path for path in paths if "templates" not in path.parts}


def find_imports(source: str, module: str, package: bool, known: set[str]) -> set[str]:
    """Return the modules that a source imports, at the top or inside functions; not for type checkers alone."""
    found: set[str] = set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".") if package else module.split(".")[:-1]
                base = ".".join([*above[: len(above) - node.level + 1], *filter(None, [node.module])])
            # From a package either one of its modules, or what its __init__.py defines.
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= (names & known) | ({base} if names - known else set())
    return (found & known) - {module}


@cache
def draw_graph() -> dict[str, set[str]]:
    modules = read_modules()
    return {
        name: find_imports(path.read_text(encoding="utf-8"), name, path.name == "__init__.py", set(modules))
        for name, path in modules.items()
    }


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """Return modules of which each imports the next and the last the first; an empty list where there are none."""
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for other in sorted(graph[module]):
            if circle := visit(other, [*way, module]):
                return circle
        done.add(module)
        return []

    return next((circle for module in graph if (circle := visit(module, []))), [])


def test_no_module_imports_itself_by_way_of_others_even_inside_functions() -> None:
    assert find_circle(draw_graph()) == []


@pytest.mark.parametrize("wing", BELOW)
def test_a_wing_imports_only_what_is_below_it(wing: str) -> None:
    graph = draw_graph()
    found = {
        (module, other)
        for module in graph
        if module.split(".")[0] == wing
        for other in graph[module]
        if other.split(".")[0] not in BELOW[wing]
    }
    assert not found


def test_a_circle_is_found_where_there_is_one() -> None:
    sources = {
        "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import d\nimport b",
        "b": "def late():\n    from c import x",
        "c": "import a",
        "d": "import a",
    }
    graph = {name: find_imports(source, name, False, set(sources)) for name, source in sources.items()}
    assert graph["a"] == {"b"} and find_circle(graph) == ["a", "b", "c", "a"]
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_imports_of_packages_and_their_modules_are_told_apart() -> None:
    known = {"p", "p.one", "p.two"}
    assert find_imports("from p import one", "p", True, known) == {"p.one"}
    assert find_imports("from p import thing", "p.one", False, known) == {"p"}
    assert find_imports("from . import two", "p.one", False, known) == {"p.two"}
    assert find_imports("from .two import thing", "p", True, known) == {"p.two"}
