"""How the shipped pipeline is made: ``python -m bot.analysis.build``. Needs PyTorch; tagging never does.

`teach` fine-tunes the teachers and labels texts with them, `student` trains the network on those labels,
`tasks` lets the intents learn on from a second teacher, `ship` weighs, calibrates and draws lines.
`docs/analysis.md` gives the command and what came out.
"""
