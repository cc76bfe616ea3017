"""The day of installation: what an installer learns of a PBX and its lines, step by step."""
