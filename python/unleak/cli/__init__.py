"""The command line: `main` dispatches to `commands/`, one file a command."""
