"""The tested blocks of a how-to page, as a module."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from tests.docs.markdown import DOCS, blocks


@contextmanager
def loaded(page: str) -> Iterator[ModuleType]:
    """While it lasts the page can be imported, as `how_to_…`."""
    name = f"how_to_{page.replace('-', '_')}"
    code = [block.text for block in blocks(DOCS / "how-to" / f"{page}.md") if block.label == "tested"]
    assert code, f"{page} has no tested block"
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"{name}.py"
        path.write_text("\n\n".join(code))
        spec = spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
            yield module
        finally:
            del sys.modules[name]
