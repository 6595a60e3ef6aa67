"""Quantiles, whose result Great Expectations cannot keep: NumPy's booleans are in it, which JSON knows not.

Importing this module puts the expectation in the place of Great Expectations' own; it is called by its name.
"""

from __future__ import annotations

from typing import Any

from great_expectations import expectations


class ExpectColumnQuantileValuesToBeBetween(expectations.ExpectColumnQuantileValuesToBeBetween):  # type: ignore[misc]
    """The same with Python's booleans."""

    def _validate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found = super()._validate(*args, **kwargs)
        details = found["result"]["details"]
        details["success_details"] = [bool(success) for success in details["success_details"]]
        return {**found, "success": bool(found["success"])}
