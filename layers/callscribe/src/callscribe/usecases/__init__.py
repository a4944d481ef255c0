"""One module for each function that has logic of its own, under that function's name. Adapters come in as arguments."""
