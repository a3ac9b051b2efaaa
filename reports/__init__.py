"""Records and asv results in, pages out. Installed as ``handoff.reports``; asv finds its plugin here."""
