"""`python -m config.declared`: write .env.example, docs/settings.md and docker-compose.yml's environment anew."""

from config.declared.rendering import write

for path in write():
    print(f"wrote {path.name}")
