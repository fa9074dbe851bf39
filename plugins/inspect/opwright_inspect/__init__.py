"""The commands that look: what is installed, what an op is, whether all is well."""
