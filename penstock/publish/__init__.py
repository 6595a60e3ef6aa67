"""Warehouse to marts."""
