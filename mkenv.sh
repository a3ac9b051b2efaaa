set -e
python3 -m venv /tmp/w/v11
/tmp/w/v11/bin/pip install -q -U pip
cd /work/main
PIP_CONSTRAINT=constraints.txt /tmp/w/v11/bin/pip install -q --group test --group pages --group lint --group types --group bench nox -e .
# libs for cases
python3 -m venv /tmp/w/vcases
/tmp/w/vcases/bin/pip install -q -U pip
/tmp/w/vcases/bin/pip install -q -c constraints.txt -e . pandas polars pyarrow scipy scikit-learn networkx sympy Pillow shapely attrs pydantic msgspec SQLAlchemy requests httpx pendulum beautifulsoup4 omegaconf frozendict sortedcontainers traits deprecated requests-toolbelt wrapt xarray pytest pytest-timeout
echo DONE
