"""A first project file, guessed from some rows: what each column may be for, and why.

Guesses are there to be read by whoever knows the data. Nothing here decides anything by itself.
"""
