"""Great Expectations' Data Docs: a static site per pipeline that shows what the last judgement found.

Great Expectations writes most of what a check found into its pages as it is. So a value of an event is made
plain text first, in one place: every character that HTML, JavaScript or one of its three template languages
may understand becomes a numeric entity, which is none of them and looks like the character.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from penstock.core.errors import GateError
from penstock.core.printable import printable

_SITE = "penstock"
_PLAIN = re.compile(r"[^\w .,:;+/=%@()\n-]")  # \w: letters and digits of every language, and _
_ESCAPED_TWICE = re.compile(r"&amp;(#\d+;)")


def build_data_docs(context: Any, folder: Path) -> Path:
    """Render the results that `context` holds to `folder` and return its `index.html`.

    The site shows this judgement only: pages of earlier ones are removed, so that it does not grow.
    Raises GateError where no page was written.
    """
    for pages in ("validations", "expectations"):
        shutil.rmtree(folder / pages, ignore_errors=True)
    index = folder / "index.html"
    index.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    context.add_data_docs_site(
        site_name=_SITE,
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "site_section_builders": {
                "validations": {
                    "class_name": "DefaultSiteSectionBuilder",
                    "source_store_name": context.validation_results_store_name,
                    "renderer": {"module_name": __name__, "class_name": PlainResults.__name__},
                    "view": {"module_name": __name__, "class_name": PlainPage.__name__},
                },
            },
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder).replace("$", r"\$"),  # $NAME would be filled in
            },
        },
    )
    context.build_data_docs(site_names=[_SITE])
    if not index.is_file():
        raise GateError(f"{folder}: Great Expectations wrote no Data Docs there", where=folder)
    return index


class PlainResults(ValidationResultsPageRenderer):  # type: ignore[misc]
    """Pages of what the checks found, in which no value of an event is more than text."""

    def render(self, validation_results: ExpectationSuiteValidationResult) -> Any:
        """`validation_results` are a copy of those of the judgement."""
        for found in validation_results.results:
            found.result = plain(found.result)
            found.exception_info = plain(found.exception_info)
        return super().render(validation_results)


class PlainPage(DefaultJinjaPageView):  # type: ignore[misc]
    """Great Expectations' page, which escapes parameters: those that are plain already look as they were."""

    @staticmethod
    def _escape_template_param_value(value: Any) -> Any:
        escaped = DefaultJinjaPageView._escape_template_param_value(value)
        return _ESCAPED_TWICE.sub(r"&\1", escaped) if isinstance(escaped, str) else escaped


def plain(value: Any) -> Any:
    """`value`, of plain JSON types, with every text in it as plain text for a page."""
    if isinstance(value, str):
        return _PLAIN.sub(lambda found: f"&#{ord(found[0])};", printable(value))
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return plain(str(value))
