"""Forecast: what are the next values of a time series, and within which bounds?"""

from models.families import FORECASTER
from pipeline.corpora import time_series
from pipeline.fields import History, Horizon
from pipeline.forecasting import baselines, metrics, rolling
from pipeline.option import Configured
from pipeline.readers import time_tables
from tasks.task import Reader, Source, Task

TASK = Task(
    name="forecast",
    summary="What are the next values of a time series?",
    shape="many-to-one",
    sources={
        "temperatures": Source(
            "hourly temperatures of Seattle and San Francisco over a year (vega-datasets)",
            "BSD-3-Clause",
            time_series.read_temperatures,
            options=rolling.Windows,
        ),
        "sea": Source(
            "half-hourly temperatures of the sea at a buoy, 2016 and 2017 (bokeh_sampledata)",
            "BSD-3-Clause",
            time_series.read_sea,
        ),
        "sunspots": Source("sunspots per year, 1700 to 2008 (statsmodels)", "public domain", time_series.read_sunspots),
        "co2": Source("carbon dioxide by week, 1958 to 2001 (statsmodels)", "public domain", time_series.read_co2),
    },
    reader=Reader(time_tables.read, "CSV, TSV, JSON lines, Parquet, by time", options=time_tables.TimeColumns),
    columns=time_tables.COLUMNS,
    input=Configured(History),
    output=Configured(Horizon),
    family=FORECASTER,
    metrics=metrics.measure,
    monitor="mase",
    lower_is_better=True,
    baselines={
        "seasonal naive": baselines.score_seasonal_naive,
        "exponential smoothing": baselines.score_exponential_smoothing,
    },
    latest=rolling.find_latest,
    ordered=True,
    options={"bidirectional": False, "dropout": 0.5, "units": 64, "batch_size": 64, "ema_decay": 0.99, "steps": 1200},
)
