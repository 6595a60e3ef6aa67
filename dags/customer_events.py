"""Loads customer_events.yaml, which lies beside this file, as an Airflow DAG."""

from penstock.airflow import dag_from_yaml

dag = dag_from_yaml(__file__)
