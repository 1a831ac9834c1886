"""One file for each matter: its pages, its actions, and the list of both, `ROUTES`."""
