"""The people and runs of the admin's tests."""

from tests.admin.conftest import addresses, as_, people, run_of, till

__all__ = ["addresses", "as_", "people", "run_of", "till"]
