"""`python -m config.declared`: write .env.example, docs/settings.md, docker-compose.yml and the lists of apps anew."""

from config.declared.rendering import write

for path in write():
    print(f"wrote {path.name}")
