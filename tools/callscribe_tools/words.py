"""Writes counts in words, for every tool that prints them."""


def quantity(number: int, noun: str) -> str:
    """Write a number and what is counted, such as "1 call" and "2 calls"; the noun's plural ends in -s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def verb(number: int, singular: str, plural: str) -> str:
    """Choose the form of a verb, or of a pronoun, for so many things."""
    return singular if number == 1 else plural
