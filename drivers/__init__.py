"""The waist between the media engine in C and the control half in Python.

`Engine` runs the cards, `Port` is one line of a card with awaitable operations, `events` are what lines and detectors
report, `clock` is the time everything above is handed. Serves all nine steps; knows nothing of PBXs or agents.
"""
