"""A pipeline YAML becomes an Airflow DAG."""
