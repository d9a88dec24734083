"""Command lines: arguments, errors as one line, the console command."""
