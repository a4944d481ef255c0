"""What a call, a recording and a transcript are. Pure: imports nothing but the standard library and pydantic."""
