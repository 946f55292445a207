"""The contract by which pyproject.toml says what a package may import."""

import grimp
import pytest

from scripts._imports import MayImport

pytestmark = pytest.mark.once


def found(**options: object) -> list[str]:
    graph = grimp.ImportGraph()
    for module in ("shop", "shop.core", "shop.core.price", "shop.models", "shop.coreless", "json", "django"):
        graph.add_module(module, is_squashed=module in {"json", "django"})
    for imported in ("shop", "shop.core", "shop.models", "shop.coreless", "json", "django"):
        graph.add_import(importer="shop.core.price", imported=imported, line_number=3, line_contents="…")
    contract = MayImport(name="core", session_options={}, contract_options={"module": "shop.core", **options})
    return [line.split(" ")[2] for line in contract.check(graph, verbose=False).metadata["found"]]


def test_own_code_needs_to_be_allowed() -> None:
    assert found() == ["shop", "shop.coreless", "shop.models"]
    assert found(allowed=["shop.models"]) == ["shop", "shop.coreless"]


def test_other_packages_need_to_be_named_if_any_is() -> None:
    assert "django" in found(external=["pydantic"])
    assert "json" not in found(external=["pydantic"])
    assert "django" not in found(external=["django"])
