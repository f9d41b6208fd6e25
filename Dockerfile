# The demo site, for web processes and workers: compose.yaml starts both from this image.
# hadolint ignore=DL3006
ARG PYTHON_IMAGE=python:3.13.5-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY syncqueue ./syncqueue
RUN python -m venv /venv \
    && /venv/bin/pip install -c constraints.txt \
       ".[telegram,mastodon,manticore,webhook,bluesky,metrics]" \
       "django-environ" "gunicorn" "whitenoise" "psycopg[binary]"

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --create-home site
WORKDIR /site
COPY --from=build /venv /venv
COPY manage.py ./
COPY templates ./templates
COPY project ./project
# This key is for this command only; the real key comes from the environment when a container starts.
RUN SECRET_KEY=for-collectstatic-only python manage.py collectstatic --noinput
USER 10001
EXPOSE 8000
# Exec form: the process receives SIGTERM itself and shuts down in order.
STOPSIGNAL SIGTERM
CMD ["gunicorn", "project.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "3", "--graceful-timeout", "30"]
