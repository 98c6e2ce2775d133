"""Ask services on other machines, and answer them."""
