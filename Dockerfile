# One image for gateways, Prefect's server and workers, MLflow's server and Dask: all from one lock.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.runtime.lock ./
RUN python -m venv /opt/sixgates \
    && /opt/sixgates/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.runtime.lock
COPY pyproject.toml README.md LICENSE prefect.yaml ./
COPY cli cli
COPY flows flows
COPY projects projects
COPY simulation simulation
COPY sixgates sixgates
COPY tasks tasks
RUN /opt/sixgates/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
# LightGBM's OpenMP. Debian's own version of the day: an old one pinned here would soon be gone.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /var/lib/sixgates sixgates
COPY --from=build /opt/sixgates /opt/sixgates
# Flows are read from here by Prefect's workers; project files are mounted beside them.
COPY prefect.yaml /app/
COPY flows /app/flows
COPY deploy/killed-runs.yaml /app/deploy/
ENV PATH=/opt/sixgates/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SIXGATES_HOME=/var/lib/sixgates \
    PREFECT_HOME=/var/lib/sixgates/prefect \
    DO_NOT_TRACK=1
WORKDIR /app
USER 10001
VOLUME /var/lib/sixgates
ENTRYPOINT ["sixgates"]
CMD ["--help"]
