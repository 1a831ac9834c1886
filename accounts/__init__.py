"""What both directions of one service share: how to sign in, what its errors mean, what a call costs.

One file here per service that needs more than its settings; see docs/adr/0007-accounts.md. Imports nothing of
the house but ``bot.errors``, ``bot.models``, ``bot.http`` and ``bot.meter``.
"""
