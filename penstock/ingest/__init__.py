"""Kafka to landing."""
