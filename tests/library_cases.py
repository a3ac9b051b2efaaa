"""Ordinary objects of libraries, ``LIBRARY-what``; ``-lost-``: truly altered; ``-refused-``: pickle refuses it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module as lib
from typing import Any


def pandas_frame() -> Any:
    pd: Any = lib("pandas")

    frame = pd.DataFrame({"k": range(50), "v": [str(i) for i in range(50)], "t": pd.date_range("2020", periods=50)})
    frame.groupby("v").sum(numeric_only=True)
    return {
        "frame": frame,
        "index": pd.MultiIndex.from_tuples([("x", 1), ("y", 2)]),
        "kinds": frame["v"].astype("category"),
    }


def polars_frame() -> Any:
    pl: Any = lib("polars")

    return pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})


def pyarrow_table() -> Any:
    pa: Any = lib("pyarrow")

    return pa.table({"a": [1, 2, 3], "b": ["x", "y", None]})


def numpy_kinds() -> Any:
    np: Any = lib("numpy")

    return [
        np.array(["2024-01-01"], dtype="datetime64[D]"),
        np.zeros(2, [("t", "M8[s]"), ("n", "i4")]),
        np.ma.array([1, 2], mask=[0, 1]),
        np.array(["a", np.nan], dtype=object),
        np.array([1.0, np.nan]),
        np.random.default_rng(7),
    ]


def numpy_lost_dtype() -> Any:
    np: Any = lib("numpy")

    return {"dtype": np.dtype("f8")}


def scipy_sparse() -> Any:
    return lib("scipy.sparse").eye(4, format="csr")


def sklearn_forest() -> Any:
    np: Any = lib("numpy")
    return (
        lib("sklearn.ensemble")
        .RandomForestClassifier(3, random_state=0)
        .fit(np.random.RandomState(0).rand(30, 3), [0, 1] * 15)
    )


def shapely_polygon() -> Any:
    return lib("shapely.geometry").Polygon([(0, 0), (1, 0), (1, 1)])


def requests_session() -> Any:
    session = lib("requests").Session()
    session.headers["X"] = "1"
    return session


def bs4_soup() -> Any:
    return lib("bs4").BeautifulSoup("<p>a<b>c</b></p>", "html.parser")


def sortedcontainers_dict() -> Any:
    return lib("sortedcontainers").SortedDict({3: 1, 1: 2})


def pendulum_moment() -> Any:
    return lib("pendulum").datetime(2024, 1, 1, tz="UTC")


def astropy_quantities() -> Any:
    units: Any = lib("astropy.units")
    return [
        lib("astropy.coordinates").SkyCoord(10.0, 20.0, unit="deg"),
        lib("astropy.cosmology").FlatLambdaCDM(H0=70, Om0=0.3),  # makes its constants read-only
        [1.0, 2.0] * units.km / units.s,
    ]


def jsonschema_refused_validator() -> Any:
    """Its equality sees functions made inside others, of which no copy by cloudpickle or dill is the same."""
    return lib("jsonschema").Draft202012Validator({"type": "object"})


def redis_refused_client() -> Any:
    return {"client": lib("redis").Redis()}


PAYLOADS: dict[str, Callable[[], Any]] = {
    make.__name__.replace("_", "-"): make
    for make in list(globals().values())
    if callable(make) and getattr(make, "__module__", "") == __name__ and not make.__name__.startswith("_")
}
