"""The simulated world: central office, PBX, callers, agents' telephones and PCs.

Everything here stands on the far side of the wires. It imports `drivers` and the standard library (and Twisted), never
`cti`, and reads none of the files under conf/pbx and conf/tones: what both ends share lets one mistake pass at both.
"""
