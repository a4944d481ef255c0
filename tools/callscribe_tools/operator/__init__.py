"""The operator's commands: what has failed, send it again, what is missing. `cli` is the command line.

They do what the stack itself does, with its own code: read its table, put messages on its queues, call its functions.
They never write an item but by `CallTable.move`, and never print a phone number or what was said.
"""
