"""Records: every event of every call, first in a local journal, then in a database. Step 9, with the times of all."""
