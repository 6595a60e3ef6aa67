"""How fast is landing, and against whom? `make bench` runs rivals in pairs on a real broker and says so."""
