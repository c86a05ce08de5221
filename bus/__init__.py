"""The bus: moves, proves, routes, and fails well."""
