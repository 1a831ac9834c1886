"""Vigie, the lookout: hears what people say to a brand and proves that nobody was met with silence."""

import os

__version__ = "0.1.0"
# numpy reads it when it is imported. The sums of a batch of texts are small: two threads would only wait for
# each other, at twice the CPU time for each text.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
