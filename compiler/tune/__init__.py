"""The search for faster schedules, measured on a target."""
