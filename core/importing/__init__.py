"""Reading tables as people make them (CSV, CSV.gz, XLSX), and imports that run in the background."""
