"""Many calls through the deployed local stack while everything goes wrong, and a verdict from Twilio's own record.

`make soak` runs it, and the end-to-end suite runs a hundred calls of it. It must not take the product's word for
anything: what should have become of a call is told by the simulated Twilio, which knows what went wrong.
"""
