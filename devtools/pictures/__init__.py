"""Draw what can be watched, a trace and the dashboards, as pictures for the documents."""
