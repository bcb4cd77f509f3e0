"""Tests of docker-compose.yml; go.mod pins the Docker Compose that they run it with."""
