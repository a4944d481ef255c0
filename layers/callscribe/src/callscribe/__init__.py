"""Callscribe: calls to a Twilio number, as knowledge in your own AWS account."""
