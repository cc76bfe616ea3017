"""Callers, agents and supervisors: what they hear, say, press and click."""
