"""The loopback networks themselves."""
