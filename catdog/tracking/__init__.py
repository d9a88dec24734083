"""What a run leaves behind: logs, tables, records, curves."""
