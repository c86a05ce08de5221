"""Boards: Grafana's dashboards in a form that people read; `python -m deploy.grafana.boards`.

It writes the JSON in `dashboards/`, which Grafana reads; a test proves that they agree.
"""
