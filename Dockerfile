# catdog in a container, which works in /catdog: photos below its input, what a training leaves below its
# snapshots.
#
#   docker build -t catdog .                                    for the CPU
#   docker build -t catdog --build-arg TORCH=cu128 .            for NVIDIA's GPUs
#   docker run --rm -v "$PWD:/catdog" --user "$(id -u)" catdog demo
#
# Any Debian or Ubuntu with Python 3.11 or newer and its venv can be the base.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# which build of torch: cpu, cu128, ... of PyTorch's own index, or pypi for the one that PyPI has
ARG TORCH=cpu
ARG EXTRAS=onnx,pretrained,report,serve,studio,sweep,tensorboard
WORKDIR /src
RUN python3 -m venv /opt/catdog
ENV PATH=/opt/catdog/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# before the sources, so that a change of them does not fetch torch again; versions are setup.cfg's
# hadolint ignore=DL3013
RUN if [ "$TORCH" = pypi ]; then pip install torch torchvision; \
    else pip install torch torchvision --index-url "https://download.pytorch.org/whl/$TORCH"; fi
COPY . .
# hadolint ignore=DL3013
RUN pip install ".[$EXTRAS]"

FROM ${BASE} AS catdog
RUN useradd --uid 1000 catdog && mkdir -p /catdog/input /catdog/snapshots && chown -R catdog: /catdog
COPY --from=build /opt/catdog /opt/catdog
# whoever it runs as (--user) can write what programs keep at home
ENV PATH=/opt/catdog/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp
USER 1000
WORKDIR /catdog
# no VOLUME: below a folder that one mounts at /catdog it would hide the folder's own input and
# snapshots, and --rm would remove what was trained
# compose.yaml asks more of each service
HEALTHCHECK --interval=1m --timeout=20s --start-period=30s \
    CMD ["sh", "-c", "test -w /catdog && catdog --version"]
ENTRYPOINT ["catdog"]
CMD ["--help"]

FROM catdog AS notebooks
USER 0
# hadolint ignore=DL3013
RUN pip install --no-cache-dir jupyterlab pandas
USER 1000
EXPOSE 8888
HEALTHCHECK --interval=1m --timeout=20s --start-period=1m CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8888/api')"]
ENTRYPOINT ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--notebook-dir=/catdog"]
CMD []

# what `docker build .` makes
FROM catdog
