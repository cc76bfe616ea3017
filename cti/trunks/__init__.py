"""Trunks of the site: opened as the site file says, called out on by routes and rights, counted. Steps 1-3, and out."""
