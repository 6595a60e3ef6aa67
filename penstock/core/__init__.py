"""What all stages share: settings, declarations, errors, DuckDB files, pipeline locks, output."""
