"""The commands of `callscribe`, a module for each: thin skins that read options and print results."""
