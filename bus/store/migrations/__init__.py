"""Migrations of the store, run by `bus.store.migration`."""
