# One image for every process; what a container does is its command.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt requirements-kafka.txt requirements-s3.txt requirements-watch.txt ./
# Clients of collectors of traces and errors are loaded where they are installed, wanted or not: --build-arg WATCH=on
ARG WATCH=off
RUN /opt/venv/bin/pip install --require-hashes -r requirements.txt -r requirements-kafka.txt -r requirements-s3.txt && \
    if [ "$WATCH" = on ]; then /opt/venv/bin/pip install --require-hashes -r requirements-watch.txt; fi

FROM python:${PYTHON}-slim-bookworm AS run
LABEL org.opencontainers.image.title="Autosalon" org.opencontainers.image.version="0.10.0-dev"
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 AUTOSALON_DATA_DIR=/var/lib/autosalon
RUN useradd --system --uid 10001 --home-dir /var/lib/autosalon --create-home autosalon
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/autosalon
COPY --chown=root:root . .
# Static files are collected with throwaway settings: nothing of them is kept but the files.
RUN AUTOSALON_DEBUG=on AUTOSALON_STATIC_MANIFEST=on AUTOSALON_DATA_DIR=/tmp/collect \
    python manage.py collectstatic --noinput && rm -rf /tmp/collect
USER autosalon
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--blocking-threads", "8", "config.wsgi:application"]
