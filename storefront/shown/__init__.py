"""Show what the pages tell: orders, cars, queues, in a buyer's or a manager's words."""
