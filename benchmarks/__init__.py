"""How fast, and how much? Each file is a program that prints ratios measured in one run, losses included:
``python -m benchmarks`` runs all of them, ``python -m benchmarks.importing`` one."""
