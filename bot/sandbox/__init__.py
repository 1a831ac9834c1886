"""Loopback stand-ins for public networks that speak their real wire formats: for the demo and the tests.

Everything stands on one port of 127.0.0.1: ``/x`` (X API v2), ``/graph`` (Facebook and Instagram),
``/slack`` (Slack's Web API), ``/control`` (make anybody say anything, switch faults on) and ``/`` (what
everybody reads).

- `town.Town` is who lives there and what they said; it knows no wire.
- `server.Sandbox` is the server, `server.running` runs one; each network is a `server.Wire`.
- `faults.Faults` says what goes wrong, on which wire.
- `cast.perform` lets people speak by themselves.

Nothing here imports the house, and the house imports nothing from here but ``vigie sandbox`` and the demo.
"""
