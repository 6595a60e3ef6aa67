"""Stands for the package `penstock_shared` where sqlfluff renders models."""


def last_commit_read(stream: str) -> str:
    """Any SQL number will do for linting."""
    return "0"


def full_units_between(unit: str, earlier: str, later: str) -> str:
    """Any SQL number of both times will do for linting."""
    return f"date_sub('{unit}', {earlier}, {later})"
