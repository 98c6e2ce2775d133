"""Commands that partners publish: read from a broker and put to the API, as if their sender had called it."""
