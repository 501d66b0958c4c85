# The sandbox shop: web, worker, beat and the fake eSputnik of docker-compose.yml.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app

COPY pyproject.toml README.md LICENSE ./
COPY esputnik_connector ./esputnik_connector
RUN pip install -q -U "pip>=25.1" && pip install -q -e ".[oscar,redis,cli,testing]" --group sandbox

COPY manage.py ./
COPY sandbox_project ./sandbox_project

# Product pictures and the keys of development live in .sandbox, a volume shared by all services.
RUN useradd --create-home shop && mkdir .sandbox && chown shop .sandbox
USER shop
VOLUME /app/.sandbox
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "sandbox_project.wsgi", "--bind", "0.0.0.0:8000"]
