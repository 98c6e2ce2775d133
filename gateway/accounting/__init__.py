"""Exports to accounting, gathered of the apps that declare them: as tables, or as one file of CommerceML."""
