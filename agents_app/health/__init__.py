"""A DOOR: what load balancers and monitors ask. `path("health/", include("agents_app.health.urls"))`."""
