"""Checks that the notebooks hold exactly the numbers of the files in this folder."""

import csv
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


def main():
    co2 = data_of("keeling-curve.ipynb")
    assert months_of(co2["CO2_PPM"]) == {
        row["Date"][:7]: row["CO2"] for row in rows_of("co2-concentration.csv")
    }
    weather = data_of("seattle-weather.ipynb")
    for city, name in [("Seattle", "SEATTLE"), ("New York", "NEW_YORK")]:
        assert days_of(weather[name]) == {
            row["date"]: round(10 * float(row["precipitation"]))
            for row in rows_of("weather.csv")
            if row["location"] == city
        }
    print("the notebooks hold exactly the numbers of the files")


def data_of(notebook):
    """The variables that the notebook's data cell sets."""
    cells = json.loads((HERE.parent / notebook).read_text(encoding="utf-8"))["cells"]
    variables = {}
    exec("".join(next(cell["source"] for cell in cells if cell["id"] == "data")), variables)
    return variables


def rows_of(file):
    with open(HERE / file, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def months_of(table):
    _header, *lines = table.strip().split("\n")
    return {
        f"{year}-{month:02}": value
        for year, *values in map(str.split, lines)
        for month, value in enumerate(values, start=1)
        if value != "-"
    }


def days_of(text):
    return {
        f"{month}-{day:02}": int(value)
        for month, *values in map(str.split, text.strip().split("\n"))
        for day, value in enumerate(values, start=1)
    }


main()
