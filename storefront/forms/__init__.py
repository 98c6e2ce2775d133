"""Read what people type into the storefront's pages."""
