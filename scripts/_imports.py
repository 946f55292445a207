"""A contract for import-linter that says what a package may import, instead of all that it may not."""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class MayImport(Contract):  # type: ignore[misc]
    """`module` and what is below it may import, of our own code, only itself and `allowed`.

    With `external`, of other packages only the standard library and those named.
    """

    type_name = "may_import"

    module = fields.StringField()
    allowed = fields.SetField(subfield=fields.StringField(), required=False, default=set())
    external = fields.SetField(subfield=fields.StringField(), required=False, default=None)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = [
            f"{importer} -> {imported} ({places(graph, importer, imported)})"
            for importer in sorted(graph.modules)
            if within(importer, self.module)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not self.is_allowed(imported)
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(line, bold=False)

    def is_allowed(self, imported: str) -> bool:
        if within(imported, self.module.split(".")[0]):
            return any(within(imported, name) for name in {self.module, *self.allowed})
        return self.external is None or imported.split(".")[0] in sys.stdlib_module_names | self.external


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def places(graph: ImportGraph, importer: str, imported: str) -> str:
    details = graph.get_import_details(importer=importer, imported=imported)
    return "line " + ", ".join(str(detail["line_number"]) for detail in details)
