"""Great Expectations' Data Docs: a static site per pipeline that shows what the last judgement found."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

_SITE = "penstock"


def build_data_docs(context: Any, folder: Path) -> Path:
    """Render the results that `context` holds to `folder` and return its `index.html`.

    The site shows this judgement only: pages of earlier ones are removed, so that it does not grow.
    """
    for pages in ("validations", "expectations"):
        shutil.rmtree(folder / pages, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    context.add_data_docs_site(
        site_name=_SITE,
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        },
    )
    context.build_data_docs(site_names=[_SITE])
    return folder / "index.html"
