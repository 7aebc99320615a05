# %%bigquery without %load_ext, in every IPython of the gateway image: loaded when it is first used, since Google's client
# takes more than a second to import. IPython runs this file at its start, in the user's namespace: it leaves nothing there.


def _register_bigquery(shell):
    from importlib import import_module

    from IPython.core.error import UsageError

    def _loading(name):
        def load(line, cell):
            try:
                import_module("bigquery_magics")
            except ModuleNotFoundError as error:
                if error.name != "bigquery_magics":
                    raise
                raise UsageError(
                    f"%%{name} is not in this image. Run: %pip install bigquery-magics google-cloud-bigquery-storage"
                ) from None
            # Puts Google's magics into the place of this one.
            shell.run_line_magic("load_ext", "bigquery_magics")
            if shell.find_cell_magic(name) is load:
                raise UsageError(f"bigquery_magics has no %%{name}. Try: %load_ext bigquery_magics")
            return shell.run_cell_magic(name, line, cell)

        return load

    for name in ("bigquery", "bqsql"):
        shell.register_magic_function(_loading(name), magic_kind="cell", magic_name=name)


_register_bigquery(get_ipython())  # noqa: F821
del _register_bigquery
