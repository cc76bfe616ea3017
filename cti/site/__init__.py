"""The site described in files: conf/site.yaml and the tone plans, checked field by field."""
