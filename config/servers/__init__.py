"""Reach the servers that the product lives on, PostgreSQL and Valkey, and back its databases up."""
