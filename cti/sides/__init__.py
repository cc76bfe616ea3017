"""What stands between the callers and the VRU: a PBX, or our own cards."""
