"""Whether one Callscribe is wired as it must be: each check finds one thing, and what to do where it is broken."""
