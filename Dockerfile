# The service on your own store; the embedded one is for a single machine without containers.
#   docker build -t ocs .
# Read-only root, no shell needed, a numeric user. Certificates, credentials and OCS_STORE_URL come
# from outside: docs/operations.md.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN tools/venv.sh /opt/ocs requirements.lock copy

FROM python:3.12-slim-bookworm
COPY --from=build /opt/ocs /opt/ocs
# A volume that is mounted here is made with this owner.
RUN install -d -o 65532 -g 65532 -m 700 /var/lib/ocs/archive /var/lib/ocs/figures
ENV PATH=/opt/ocs/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    OCS_LISTEN=0.0.0.0:7707 \
    OCS_PROBE_LISTEN=0.0.0.0:7708 \
    OCS_LOG_STREAM=stdout
USER 65532:65532
EXPOSE 7707 7708
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s \
    CMD ["ocs", "health", "--target", "127.0.0.1:7708"]
ENTRYPOINT ["ocs"]
CMD ["serve"]
