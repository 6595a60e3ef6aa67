"""How fast is landing, and against whom? `make bench` runs pairs on a real broker and says so."""
