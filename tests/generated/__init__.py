"""Clients that generators make from the OpenAPI document, and a program in each language that buys a car by one."""
