"""What `vigie new-network` writes, with ``sample`` in the place of the new name.

Nothing here runs as it is. It is Python so that linters and type checkers hold it to the same rules as
everything else; its lines are short, as a name may be longer.
"""
