"""Write dates in the way of each language's readers, where the framework has another."""
