"""What developers and operators run on their own machine. Never deployed, never imported by a function."""
