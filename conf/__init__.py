"""Tipring's own configuration files (dialects, flows, tone plans, an example site), shipped as ``tipring_conf``."""
