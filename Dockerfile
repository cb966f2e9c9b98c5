# One image for every Prefect service of docker-compose.yml: server, background services, worker.
FROM python:3.12.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/datawall
# The lock names every package with its hash, so nothing is resolved here.
COPY requirements/runtime.lock /tmp/runtime.lock
RUN /opt/datawall/bin/pip install --require-hashes --no-deps -r /tmp/runtime.lock
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY warehouse warehouse
COPY forecasts forecasts
COPY flows flows
# Editable: the deployments name files below /app, and there is one copy of the code.
RUN /opt/datawall/bin/pip install --no-deps --no-build-isolation -e . \
    && /opt/datawall/bin/python -m compileall -q /app

FROM python:3.12.11-slim-bookworm
ENV PATH=/opt/datawall/bin:$PATH PYTHONUNBUFFERED=1 DATAWALL_WORKSPACE=/workspace
RUN useradd --uid 10001 --create-home datawall \
    && install -d -o datawall -g datawall /workspace /sources
COPY --from=build /opt/datawall /opt/datawall
COPY --from=build /app /app
COPY prefect.yaml /app/prefect.yaml
WORKDIR /app
USER datawall
VOLUME ["/workspace"]
CMD ["datawall", "--help"]
