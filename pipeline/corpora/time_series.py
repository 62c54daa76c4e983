"""Time series that come with pip, each read from the installed package as a user's own table would be."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.corpora.packages import locate
from pipeline.example import Splits
from pipeline.forecasting.rolling import divide
from pipeline.option import Options
from pipeline.readers import time_tables
from pipeline.readers.request import Request
from pipeline.readers.tabular.columns import Columns


def read(paths: Sequence[Path], options: Options) -> Splits:
    """Return the windows of the series in some tables, each named by its file."""
    every = [
        series
        for path in paths
        for series in time_tables.read_series(
            path, Request(path, Columns((), ()), options=options), say=lambda line: None
        )
    ]
    return divide(every, options, say=lambda line: None)


def read_temperatures(options: Options) -> Splits:
    """Return the hourly temperatures of Seattle and San Francisco: normals, in degrees Fahrenheit."""
    files = ("seattle-temps.csv", "sf-temps.csv")
    return read([locate("vega-datasets", f"vega_datasets/_data/{file}") for file in files], options)


def read_sea(options: Options) -> Splits:
    """Return half-hourly temperatures of the sea at a buoy off the coast of New England, in degrees Celsius."""
    file = "bokeh_sampledata/_data/sea_surface_temperature.csv.gz"
    return read([locate("bokeh_sampledata", file, "requirements-extra.txt")], options)


def read_sunspots(options: Options) -> Splits:
    """Return the number of sunspots in each year from 1700 to 2008."""
    return read([locate("statsmodels", "statsmodels/datasets/sunspots/sunspots.csv")], options)


def read_co2(options: Options) -> Splits:
    """Return the weekly carbon dioxide in the air at Mauna Loa from 1958 to 2001, in parts per million; with gaps."""
    return read([locate("statsmodels", "statsmodels/datasets/co2/co2.csv")], options)
