"""Airflow's side of Penstock: a pipeline's YAML becomes a DAG, whose tasks run the stages' commands.

Needs Airflow, a YAML reader and `penstock.core`, nothing else: dbt and Great Expectations may live in the
environment of `PENSTOCK_PYTHON`.
"""

from penstock.airflow.factory import dag_from_yaml

__all__ = ["dag_from_yaml"]
