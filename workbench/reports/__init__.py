"""Floor 6: reports as single HTML files that ask the network for nothing, and the tables and cases they show."""
