"""What a run leaves behind: logs, tables, run files, curves."""
