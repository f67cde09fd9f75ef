"""Hagane from Python: what should be measured next, Gaussian processes, chemical formulae, tables.

One file, the standard library alone. With NumPy at hand, numbers come back as arrays (columns of a Table without a copy),
else as lists; both are accepted everywhere, and so is anything with the buffer protocol.

>>> import hagane
>>> pool = {"x": [0.0, 0.25, 0.5, 0.75, 1.0], "y": [0.1, None, 0.9, None, 0.3]}    # None: not measured
>>> best, = hagane.suggest(pool, target="y", maximize=True)
>>> best["row"] in (1, 3), 0 < best["p_improve"] < 1
(True, True)
>>> gp = hagane.GP([[0.0], [0.5], [1.0]], [0.0, 1.0, 0.0], kernel="rbf", noise_sd=1e-3)
>>> mean, sd = gp.predict([[0.5]])
>>> round(float(mean[0]), 2)
1.0
>>> hagane.canonical_formula("Fe28Nd4B2"), hagane.parse_formula("H2O")
('Nd2Fe14B', {'H': 2.0, 'O': 1.0})
>>> hagane.parse_formula("Xx2O3")                           # doctest: +ELLIPSIS
Traceback (most recent call last):
hagane.Error: ...

The library is looked for in HAGANE_LIBRARY (a path), beside this file, in build folders above it, then where the system
keeps libraries. Every failure is a hagane.Error with .status, .message, .hint, .line and .column.
Objects free what they own when they are collected; GP and Table are context managers too.
"""
import collections.abc
import ctypes as _c
import ctypes.util
import json
import math
import os

try:
    import numpy as _np
except ImportError:
    _np = None

__version__ = "0.1.0"
__all__ = ["Error", "GP", "Suggestions", "Table", "canonical_formula", "descriptors", "parse_formula", "read_csv", "replay",
           "suggest", "version"]

_double_p = _c.POINTER(_c.c_double)
_size_p = _c.POINTER(_c.c_size_t)
_strings = _c.POINTER(_c.c_char_p)
_NONE = _c.c_size_t(-1).value  # SIZE_MAX


class Error(Exception):
    """A call of the library failed. str() is the message and the advice."""

    def __init__(self, status, message, hint="", line=0, column=0):
        super().__init__(message + (" -- " + hint if hint else ""))
        self.status, self.message, self.hint, self.line, self.column = status, message, hint, line, column


# ---- the C structs; tests/python compares every offset with the headers ------------------------------------------------

def _struct(name, /, **fields):
    return type(name, (_c.Structure,), {"_fields_": list(fields.items())})


_LOG = _c.CFUNCTYPE(None, _c.c_void_p, _c.c_int, _c.c_char_p)
_PROGRESS = _c.CFUNCTYPE(_c.c_bool, _c.c_void_p, _c.c_char_p, _c.c_size_t, _c.c_size_t)

hg_err = _struct("hg_err", code=_c.c_int, msg=_c.c_char * 480, hint=_c.c_char * 240, line=_c.c_size_t, column=_c.c_size_t)
hg_hooks = _struct("hg_hooks", log=_LOG, progress=_PROGRESS, user=_c.c_void_p)
hg_rng = _struct("hg_rng", key=_c.c_uint32 * 2, counter=_c.c_uint32 * 4, buffer=_c.c_uint32 * 4, used=_c.c_uint,
                 has_normal=_c.c_bool, normal=_c.c_double)
hg_species = _struct("hg_species", z=_c.c_uint, a=_c.c_uint, amount=_c.c_double)
hg_composition = _struct("hg_composition", n=_c.c_size_t, species=hg_species * 32)
hg_column = _struct("hg_column", name=_c.c_char_p, unit=_c.c_char_p, kind=_c.c_int, number=_double_p, missing=_c.c_size_t,
                    first_missing=_c.c_size_t, file_column=_c.c_size_t)
hg_csv_opts = _struct("hg_csv_opts", separator=_c.c_char, decimal=_c.c_char, missing=_strings, n_missing=_c.c_size_t,
                      text=_strings, n_text=_c.c_size_t, only=_strings, n_only=_c.c_size_t, sample=_c.c_size_t,
                      max_bytes=_c.c_uint64, hooks=_c.POINTER(hg_hooks))
hg_gp_opts = _struct("hg_gp_opts", kernel=_c.c_char_p, group=_size_p, learn=_c.c_bool, params=_double_p,
                     n_params=_c.c_size_t, noise_sd=_c.c_double, standardise=_c.c_bool, x_shift=_double_p,
                     x_scale=_double_p, restarts=_c.c_size_t, exact_max=_c.c_size_t, inducing=_c.c_size_t,
                     prior_strength=_c.c_double, seed=_c.c_uint64, pool=_c.c_void_p)
hg_features_opts = _struct("hg_features_opts", columns=_strings, n_columns=_c.c_size_t, exclude=_strings,
                           n_exclude=_c.c_size_t, formula=_c.c_char_p, descriptor=_c.c_char_p, max_levels=_c.c_size_t)
hg_feature_group = _struct("hg_feature_group", column=_c.c_char_p, kind=_c.c_int, first=_c.c_size_t, dim=_c.c_size_t)
hg_objective = _struct("hg_objective", column=_c.c_char_p, maximize=_c.c_bool)
hg_requirement = _struct("hg_requirement", column=_c.c_char_p, above=_c.c_bool, limit=_c.c_double)
hg_suggest_opts = _struct("hg_suggest_opts", objective=_c.POINTER(hg_objective), n_objectives=_c.c_size_t,
                          require=_c.POINTER(hg_requirement), n_require=_c.c_size_t, failed=_c.c_char_p,
                          cost=_c.c_char_p, features=hg_features_opts, acquisition=_c.c_int, ucb_kappa=_c.c_double,
                          prior=_strings, n_prior=_c.c_size_t, kernel=_c.c_char_p, batch=_c.c_size_t, monte_carlo=_c.c_bool, even_pool=_c.c_bool,
                          seed=_c.c_uint64, pool=_c.c_void_p, hooks=_c.POINTER(hg_hooks))
hg_suggestion = _struct("hg_suggestion", row=_c.c_size_t, mean=_c.c_double * 3, sd=_c.c_double * 3, p_improve=_c.c_double,
                        p_feasible=_c.c_double, score=_c.c_double, neighbour=_c.c_size_t * 3, n_neighbours=_c.c_size_t,
                        distance=_c.c_double * 3, x=_double_p, why=_c.c_char_p)
hg_loo = _struct("hg_loo", n=_c.c_size_t, row=_size_p, y=_double_p, mean=_double_p, sd=_double_p, rmse=_c.c_double,
                 rmse_mean=_c.c_double, coverage90=_c.c_double, max_abs_z=_c.c_double, max_abs_z_row=_c.c_size_t,
                 better_than_mean=_c.c_bool, words=_c.c_char_p)
hg_suggestions = _struct("hg_suggestions", suggestion=_c.POINTER(hg_suggestion), n=_c.c_size_t, loo=hg_loo * 3,
                         n_objectives=_c.c_size_t, best=_c.c_double * 3, best_row=_c.c_size_t, front=_size_p,
                         n_front=_c.c_size_t, pool_mean=_double_p, pool_sd=_double_p, pool_score=_double_p,
                         pool_row=_size_p, n_pool=_c.c_size_t, relevance=_double_p, n_groups=_c.c_size_t,
                         features=_c.c_void_p, model_words=_c.c_char_p, acquisition=_c.c_char_p, warnings=_c.c_char_p,
                         measured=_c.c_void_p, candidates=_c.c_void_p, points=_c.c_void_p)
hg_replay_opts = _struct("hg_replay_opts", initial=_c.c_size_t, budget=_c.c_size_t, runs=_c.c_size_t,
                         average_duplicates=_c.c_bool)
hg_reach = _struct("hg_reach", median=_c.c_double, q90=_c.c_double, max=_c.c_double, unreached=_c.c_size_t)
hg_replay_result = _struct("hg_replay_result", n_pool=_c.c_size_t, runs=_c.c_size_t, budget=_c.c_size_t,
                           initial=_c.c_size_t, to_95=hg_reach, to_99=hg_reach, to_top5=hg_reach, random_95=hg_reach,
                           random_99=hg_reach, random_top5=hg_reach, best_so_far=_double_p, random_best=_double_p,
                           y_best=_c.c_double, words=_c.c_char_p)
hg_bytes = _struct("hg_bytes", data=_c.c_void_p, len=_c.c_size_t)
hg_report = _struct("hg_report", suggestions=_c.POINTER(hg_suggestions), replay=_c.POINTER(hg_replay_result),
                    objective=_c.POINTER(hg_objective), n_objectives=_c.c_size_t, title=_c.c_char_p, label=_c.c_char_p,
                    footer=_c.c_char_p)

# ---- the functions: result and arguments -------------------------------------------------------------------------------

_err_p, _void, _str, _size, _out = _c.POINTER(hg_err), _c.c_void_p, _c.c_char_p, _c.c_size_t, _c.POINTER(_c.c_void_p)
_FUNCTIONS = {
    "hg_version": (_str,), "hg_status_name": (_str, _c.c_int),
    "hg_arena_new": (_void,), "hg_arena_free": (None, _void), "hg_rng_make": (hg_rng, _c.c_uint64, _c.c_uint64),
    "hg_pool_new": (_c.c_int, _out, _size, _err_p), "hg_pool_free": (None, _void),
    "hg_table_new": (_c.c_int, _out, _str, _size, _err_p), "hg_table_free": (None, _void),
    "hg_table_add_numbers": (_c.c_int, _void, _str, _double_p, _err_p),
    "hg_table_add_texts": (_c.c_int, _void, _str, _strings, _err_p),
    "hg_table_rows": (_size, _void), "hg_table_columns": (_size, _void), "hg_table_source": (_str, _void),
    "hg_table_column": (_c.POINTER(hg_column), _void, _size), "hg_table_text": (_str, _void, _size, _size),
    "hg_table_find": (_c.c_int, _size_p, _void, _str, _err_p),
    "hg_csv_opts_default": (hg_csv_opts,), "hg_csv_read": (_c.c_int, _out, _str, _c.POINTER(hg_csv_opts), _err_p),
    "hg_element_symbol": (_str, _c.c_uint), "hg_composition_read": (_c.c_int, _c.POINTER(hg_composition), _str, _err_p),
    "hg_composition_write": (_size, _c.c_char_p, _size, _c.POINTER(hg_composition)),
    "hg_descriptor_find": (_c.c_int, _out, _str, _err_p), "hg_descriptor_dim": (_size, _void),
    "hg_descriptor_column": (_str, _void, _size),
    "hg_descriptor_compute": (_c.c_int, _double_p, _void, _c.POINTER(hg_composition), _err_p),
    "hg_gp_opts_default": (hg_gp_opts,), "hg_gp_free": (None, _void), "hg_gp_words": (_str, _void),
    "hg_gp_fit": (_c.c_int, _out, _double_p, _double_p, _size, _size, _c.POINTER(hg_gp_opts), _err_p),
    "hg_gp_predict": (_c.c_int, _double_p, _double_p, _void, _double_p, _size, _void, _err_p),
    "hg_gp_covariance": (_c.c_int, _double_p, _void, _double_p, _size, _void, _err_p),
    "hg_gp_sample": (_c.c_int, _double_p, _size, _void, _double_p, _size, _c.POINTER(hg_rng), _void, _err_p),
    "hg_gp_update": (_c.c_int, _void, _double_p, _c.c_double, _err_p),
    "hg_gp_loo": (_c.c_int, _double_p, _double_p, _void, _void, _err_p),
    "hg_gp_evidence": (_c.c_double, _void), "hg_gp_noise_sd": (_c.c_double, _void),
    "hg_gp_signal_sd": (_c.c_double, _void), "hg_gp_points": (_size, _void),
    "hg_gp_params": (_size, _void, _double_p, _size), "hg_gp_param_name": (_str, _void, _size),
    "hg_gp_relevance": (None, _double_p, _void),
    "hg_features_opts_default": (hg_features_opts,), "hg_features_words": (_str, _void),
    "hg_features_groups": (_size, _void), "hg_features_group": (_c.POINTER(hg_feature_group), _void, _size),
    "hg_space_read": (_c.c_int, _out, _str, _err_p), "hg_space_free": (None, _void),
    "hg_space_read_memory": (_c.c_int, _out, _str, _str, _size, _err_p),
    "hg_suggest_opts_default": (hg_suggest_opts,), "hg_acquisition_find": (_c.c_int, _c.POINTER(_c.c_int), _str, _err_p),
    "hg_suggest": (_c.c_int, _c.POINTER(_c.POINTER(hg_suggestions)), _void, _void, _void, _c.POINTER(hg_suggest_opts),
                   _err_p),
    "hg_suggestions_free": (None, _c.POINTER(hg_suggestions)),
    "hg_replay_opts_default": (hg_replay_opts,), "hg_replay_free": (None, _c.POINTER(hg_replay_result)),
    "hg_replay": (_c.c_int, _c.POINTER(_c.POINTER(hg_replay_result)), _void, _c.POINTER(hg_suggest_opts),
                  _c.POINTER(hg_replay_opts), _err_p),
    "hg_report_html": (_c.c_int, _c.POINTER(hg_bytes), _c.POINTER(hg_report), _err_p),
    "hg_report_figure": (_c.c_int, _c.POINTER(hg_bytes), _str, _c.c_int, _c.POINTER(hg_report), _err_p),
    "hg_figure_format_find": (_c.c_int, _c.POINTER(_c.c_int), _str, _err_p), "hg_bytes_free": (None, _c.POINTER(hg_bytes)),
}
_library = None


def _places():
    if os.environ.get("HAGANE_LIBRARY"):
        yield os.environ["HAGANE_LIBRARY"]  # said by the user: nothing else is tried
        return
    here = os.path.dirname(os.path.abspath(__file__))
    up = os.path.dirname(here)
    for folder in (here, os.path.join(up, "build", "release"), os.path.join(up, "build"),
                   os.path.join(up, "lib"), os.path.join(up, "..", "..", "lib")):
        for name in ("libhagane.so", "libhagane.so.0"):
            if os.path.exists(os.path.join(folder, name)):
                yield os.path.join(folder, name)
    yield ctypes.util.find_library("hagane") or "libhagane.so.0"


def _lib():
    """The loaded library, with every function's signature set."""
    global _library
    if _library is None:
        reasons = []
        for place in _places():
            try:
                lib = _c.CDLL(place)
                break
            except OSError as e:
                reasons.append(str(e))
        else:
            raise ImportError("libhagane was not found; set HAGANE_LIBRARY to its path: " + "; ".join(reasons))
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        found = lib.hg_version().decode()
        if found.split(".")[:2] != __version__.split(".")[:2]:
            raise ImportError("hagane.py %s does not fit library %s in %s" % (__version__, found, lib._name))
        _library = lib
    return _library


def version():
    """Version of the library that is loaded, such as "0.1.0"."""
    return _lib().hg_version().decode()


def _text(b):
    return b.decode("utf-8", "replace") if b else ""


def _bytes(s):
    return None if s is None else os.fsencode(s) if isinstance(s, os.PathLike) else str(s).encode("utf-8")


def _call(function, *arguments):
    """Calls a function that returns a status and fills an hg_err last; raises Error."""
    err = hg_err()
    status = function(*arguments, _c.byref(err))
    if status:
        raise Error(_text(_lib().hg_status_name(status)), _text(err.msg), _text(err.hint), err.line, err.column)


# ---- numbers in and out ------------------------------------------------------------------------------------------------

def _array(values):
    """One-dimensional doubles as (pointer, n, keep); None becomes NaN. NumPy arrays of float64 are not copied."""
    if _np is not None:
        a = _np.ascontiguousarray([math.nan if v is None else v for v in values]
                                  if isinstance(values, (list, tuple)) else values, dtype=_np.float64)
        if a.ndim != 1:
            raise ValueError("expected one dimension, got shape %s" % (a.shape,))
        return a.ctypes.data_as(_double_p), a.size, a
    a = (_c.c_double * len(values))(*[math.nan if v is None else float(v) for v in values])
    return _c.cast(a, _double_p), len(a), a


def _matrix(values):
    """[n, d] doubles, row-major, as (pointer, n, d, keep)."""
    if _np is not None:
        a = _np.ascontiguousarray(values, dtype=_np.float64)
        if a.ndim != 2:
            raise ValueError("expected [n, d], got shape %s" % (a.shape,))
        return a.ctypes.data_as(_double_p), a.shape[0], a.shape[1], a
    view = memoryview(values).tolist() if not isinstance(values, (list, tuple)) else values
    d = len(view[0]) if len(view) else 0
    if any(len(row) != d for row in view):
        raise ValueError("rows of different length")
    a = (_c.c_double * (len(view) * d))(*[float(v) for row in view for v in row])
    return _c.cast(a, _double_p), len(view), d, a


def _empty(*shape):
    """(pointer, result) for the library to fill; result() gives the array or the nested lists."""
    if _np is not None:
        a = _np.empty(shape)
        return a.ctypes.data_as(_double_p), lambda: a
    n = math.prod(shape)
    a = (_c.c_double * n)()
    if len(shape) == 1:
        return _c.cast(a, _double_p), lambda: list(a)
    return _c.cast(a, _double_p), lambda: [list(a[i * shape[1]:(i + 1) * shape[1]]) for i in range(shape[0])]


def _copy(pointer, *shape):
    """What the library owns, as an array or nested lists of our own."""
    if not pointer:
        return None
    flat = pointer[:math.prod(shape)]
    if _np is not None:
        return _np.array(flat, dtype=_np.float64 if pointer._type_ is _c.c_double else _np.intp).reshape(shape)
    return flat if len(shape) == 1 else [flat[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]


def _finite(v):
    return None if math.isnan(v) else v


def _names(names):
    """(char **, n, keep) of a list of names."""
    names = [_bytes(n) for n in ([names] if isinstance(names, (str, bytes)) else names or ())]
    a = (_c.c_char_p * len(names))(*names)
    return (_c.cast(a, _strings) if names else None), len(names), a


class _Scratch:
    """An arena for the length of a with block."""

    def __enter__(self):
        self.arena = _lib().hg_arena_new()
        if not self.arena:
            raise MemoryError
        return self.arena

    def __exit__(self, *_):
        _lib().hg_arena_free(self.arena)


class _Handle:
    """A pointer that is freed when nobody holds this object any more."""

    def __init__(self, pointer, free):
        self.pointer, self._free = pointer, free

    def __del__(self):
        if _library is not None:
            getattr(_library, self._free)(self.pointer)


class _Owned:
    """Something of the library that is freed once: by close(), at the end of a with block, or with the object. What still
    needs it then (an array that looks into a table, suggestions made from it) keeps it alive a little longer."""
    _free = None  # name of the function
    _owner = None

    @property
    def _handle(self):
        return self._owner and self._owner.pointer

    @_handle.setter
    def _handle(self, pointer):
        self._owner = _Handle(pointer, self._free)

    def close(self):
        self._owner = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _live(self):
        if not self._owner:
            raise ValueError("this %s is closed" % type(self).__name__)
        return self._owner.pointer


# ---- tables ------------------------------------------------------------------------------------------------------------

class Table(_Owned, collections.abc.Mapping):
    """Named columns of numbers or texts, in the library's memory. Behaves as a read-only dict of columns.

    Table({"x": [1, 2], "formula": ["Fe2O3", "NaCl"]}): numbers (None or NaN: not measured) or texts, equally long.
    """
    _free = "hg_table_free"

    def __init__(self, columns, source="memory"):
        columns = {str(k): v for k, v in columns.items()}
        rows = {len(v) for v in columns.values()}
        if len(rows) != 1:
            raise ValueError("columns of different length" if rows else "no columns")
        lib, out = _lib(), _c.c_void_p()
        _call(lib.hg_table_new, _c.byref(out), _bytes(source), rows.pop())
        self._handle = out.value
        for name, values in columns.items():
            if any(isinstance(v, str) for v in values):
                pointer, _, keep = _names(["" if v is None else v for v in values])
                _call(lib.hg_table_add_texts, self._handle, _bytes(name), pointer)
            else:
                pointer, _, keep = _array(values)
                _call(lib.hg_table_add_numbers, self._handle, _bytes(name), pointer)

    @classmethod
    def _adopt(cls, handle):
        t = cls.__new__(cls)
        t._handle = handle
        return t

    @property
    def rows(self):
        return _lib().hg_table_rows(self._live())

    @property
    def source(self):
        return _text(_lib().hg_table_source(self._live()))

    def __len__(self):
        return _lib().hg_table_columns(self._live())

    def __iter__(self):
        lib, handle = _lib(), self._live()
        return iter([_text(lib.hg_table_column(handle, j).contents.name) for j in range(len(self))])

    def __getitem__(self, name):
        """[rows] doubles (NumPy: a read-only view that keeps the table alive) or a list of texts. KeyError: no such column."""
        lib, j = _lib(), _c.c_size_t()
        try:
            _call(lib.hg_table_find, _c.byref(j), self._live(), _bytes(name))
        except Error as e:
            raise KeyError(str(e)) from None
        column = lib.hg_table_column(self._handle, j.value).contents
        if not column.number:
            return [_text(lib.hg_table_text(self._handle, j.value, i)) for i in range(self.rows)]
        if _np is None or self.rows == 0:
            return column.number[:self.rows]
        memory = (_c.c_double * self.rows).from_address(_c.addressof(column.number.contents))
        memory._owner = self._owner  # the array holds the memory, the memory holds the table
        view = _np.frombuffer(memory, dtype=_np.float64)
        view.flags.writeable = False
        return view

    def unit(self, name):
        """Unit of a column, from the last bracket of its name: "T" of "Ms (T)"; "" when there is none."""
        j = _c.c_size_t()
        _call(_lib().hg_table_find, _c.byref(j), self._live(), _bytes(name))
        return _text(_lib().hg_table_column(self._handle, j.value).contents.unit)


def read_csv(path, *, separator=None, decimal=None, missing=None, text=(), only=()):
    """Reads a CSV file (also .gz, .xz, .zst) into a Table. Separator and decimal sign are detected unless given.

    missing: words that mean "not measured" (default: NaN, NA, n/a ...). text: columns to keep as texts, such as a formula
    column, where NaN is sodium nitride. only: columns to keep.
    """
    lib = _lib()
    o, keep = lib.hg_csv_opts_default(), []
    o.separator, o.decimal = (separator or "\0").encode(), (decimal or "\0").encode()
    for field, names in (("text", text), ("only", only)) + ((("missing", missing),) if missing is not None else ()):
        pointer, n, a = _names(names)
        setattr(o, field, pointer)
        setattr(o, "n_" + field, n)
        keep.append(a)
    out = _c.c_void_p()
    _call(lib.hg_csv_read, _c.byref(out), _bytes(path), _c.byref(o))
    return Table._adopt(out.value)


def _table(t, **about):
    """A Table from a Table, a mapping of columns, or the path of a CSV file."""
    if isinstance(t, Table):
        return t
    if isinstance(t, (str, os.PathLike)):
        return read_csv(t, **about)
    if hasattr(t, "to_dict") and not isinstance(t, dict):  # a data frame
        return Table({k: list(t[k]) for k in t})
    return Table(t)


# ---- formulae ----------------------------------------------------------------------------------------------------------

def _composition(formula):
    c = hg_composition()
    _call(_lib().hg_composition_read, _c.byref(c), _bytes(formula))
    return c


def parse_formula(formula):
    """{symbol: atoms in the formula as written}; deuterium and tritium are "D" and "T"."""
    c = _composition(formula)
    symbol = {(1, 2): "D", (1, 3): "T"}
    return {symbol.get((s.z, s.a)) or _text(_lib().hg_element_symbol(s.z)): s.amount for s in c.species[:c.n]}


def canonical_formula(formula):
    """The reduced formula with elements by electronegativity: "Fe28Nd4B2" -> "Nd2Fe14B"."""
    c = _composition(formula)
    size = _lib().hg_composition_write(None, 0, _c.byref(c)) + 1
    buffer = _c.create_string_buffer(size)
    _lib().hg_composition_write(buffer, size, _c.byref(c))
    return _text(buffer.value)


def descriptors(formulae, descriptor="xenonpy290"):
    """(x[n, dim], names[dim]) of n formulae. descriptor: "xenonpy290", "magpie132", "fractions", "chemistry62", "alloy24"; "+" joins."""
    lib, handle = _lib(), _c.c_void_p()
    _call(lib.hg_descriptor_find, _c.byref(handle), _bytes(descriptor))
    dim = lib.hg_descriptor_dim(handle)
    pointer, result = _empty(len(formulae), dim)
    for i, formula in enumerate(formulae):
        c = _composition(formula)
        row = _c.cast(_c.addressof(pointer.contents) + 8 * dim * i, _double_p)
        _call(lib.hg_descriptor_compute, row, handle, _c.byref(c))
    return result(), [_text(lib.hg_descriptor_column(handle, j)) for j in range(dim)]


# ---- Gaussian processes ------------------------------------------------------------------------------------------------

class GP(_Owned):
    """A Gaussian process fitted to y[n] at x[n, d].

    kernel: an expression over rbf, matern32, matern52, linear with + and *. noise_sd: known noise in units of y; None: it
    is estimated. group[d]: which column each dimension belongs to, for shared length scales. params: logs of the
    hyper-parameters to start from, or with learn=False to use as they are. Other options: fields of hg_gp_opts.
    """
    _free = "hg_gp_free"

    def __init__(self, x, y, kernel=None, noise_sd=None, group=None, params=None, learn=True, seed=0, **options):
        lib = _lib()
        px, n, d, keep_x = _matrix(x)
        py, ny, keep_y = _array(y)
        if ny != n:
            raise ValueError("x has %d rows, y %d values" % (n, ny))
        o = lib.hg_gp_opts_default()
        keep = [_bytes(kernel), None, None]
        if kernel:
            o.kernel = keep[0]
        if noise_sd is not None:
            o.noise_sd = noise_sd
        if group is not None:
            if len(group) != d:
                raise ValueError("group has %d entries for %d dimensions" % (len(group), d))
            keep[1] = (_c.c_size_t * d)(*group)
            o.group = _c.cast(keep[1], _size_p)
        if params is not None:
            o.params, o.n_params, keep[2] = _array(params)
        o.learn, o.seed = learn, seed
        for name, value in options.items():
            if name not in ("standardise", "restarts", "exact_max", "inducing", "prior_strength"):
                raise TypeError("GP has no option %r" % name)
            setattr(o, name, value)
        out = _c.c_void_p()
        _call(lib.hg_gp_fit, _c.byref(out), px, py, n, d, _c.byref(o))
        self._handle, self.dim = out.value, d
        self._groups = max(group) + 1 if group is not None else d

    def _queries(self, x):
        pointer, m, d, keep = _matrix(x)
        if d != self.dim:
            raise ValueError("the model has %d dimensions, x has %d" % (self.dim, d))
        return pointer, m, keep

    def predict(self, x):
        """(mean[m], sd[m]) of the noise-free function at x[m, d], units of y."""
        pointer, m, keep = self._queries(x)
        (mean, mean_of), (var, var_of) = _empty(m), _empty(m)
        with _Scratch() as scratch:
            _call(_lib().hg_gp_predict, mean, var, self._live(), pointer, m, scratch)
        return mean_of(), _np.sqrt(var_of()) if _np is not None else [math.sqrt(v) for v in var_of()]

    def covariance(self, x):
        """[m, m] posterior covariance of the noise-free function, units of y squared."""
        pointer, m, keep = self._queries(x)
        cov, result = _empty(m, m)
        with _Scratch() as scratch:
            _call(_lib().hg_gp_covariance, cov, self._live(), pointer, m, scratch)
        return result()

    def sample(self, x, k=1, seed=0):
        """[k, m] joint samples of the posterior."""
        pointer, m, keep = self._queries(x)
        out, result = _empty(k, m)
        rng = _lib().hg_rng_make(seed, 0)
        with _Scratch() as scratch:
            _call(_lib().hg_gp_sample, out, k, self._live(), pointer, m, _c.byref(rng), scratch)
        return result()

    def update(self, x, y):
        """Adds one observation y at x[d] without learning again."""
        pointer, d, keep = _array(x)
        if d != self.dim:
            raise ValueError("the model has %d dimensions, x has %d" % (self.dim, d))
        _call(_lib().hg_gp_update, self._live(), pointer, y)

    def loo(self):
        """(mean[n], sd[n]) of each training point predicted without it; sd includes the noise."""
        n = _lib().hg_gp_points(self._live())
        (mean, mean_of), (var, var_of) = _empty(n), _empty(n)
        with _Scratch() as scratch:
            _call(_lib().hg_gp_loo, mean, var, self._handle, scratch)
        return mean_of(), _np.sqrt(var_of()) if _np is not None else [math.sqrt(v) for v in var_of()]

    @property
    def evidence(self):
        """log p(y | x), nats, in standardised units."""
        return _lib().hg_gp_evidence(self._live())

    @property
    def noise_sd(self):
        return _lib().hg_gp_noise_sd(self._live())

    @property
    def signal_sd(self):
        return _lib().hg_gp_signal_sd(self._live())

    @property
    def params(self):
        """{name: value} of the learned hyper-parameters, as logs; list(gp.params.values()) starts another fit."""
        lib, handle = _lib(), self._live()
        n = lib.hg_gp_params(handle, None, 0)
        values = (_c.c_double * n)()
        lib.hg_gp_params(handle, values, n)
        return {_text(lib.hg_gp_param_name(handle, i)): values[i] for i in range(n)}

    @property
    def relevance(self):
        """[groups] how far the function can change when one column alone moves over its range, 0..1."""
        pointer, result = _empty(self._groups)
        _lib().hg_gp_relevance(pointer, self._live())
        return result()

    def __str__(self):
        return _text(_lib().hg_gp_words(self._live()))


# ---- what to measure next ----------------------------------------------------------------------------------------------

class _Question:
    """hg_suggest_opts from keyword arguments, with everything they point to."""

    def __init__(self, target, maximize, features, exclude, formula, descriptor, require, failed, cost, acquisition, kernel,
                 batch, seed, threads, progress, ucb_kappa=0.0, even_pool=False, monte_carlo=False, prior=()):
        lib, keep = _lib(), []
        targets = [target] if isinstance(target, str) else list(target)
        wants = list(maximize) if isinstance(maximize, (list, tuple)) else [maximize] * len(targets)
        if len(wants) != len(targets):
            raise ValueError("%d targets, %d values of maximize" % (len(targets), len(wants)))
        self.objective = (hg_objective * len(targets))(*[hg_objective(_bytes(t), bool(w)) for t, w in zip(targets, wants)])
        o = self.opts = lib.hg_suggest_opts_default()
        o.objective, o.n_objectives = self.objective, len(targets)
        limits = [hg_requirement(_bytes(column), {">": True, "<": False}[sign], limit) for column, sign, limit in require]
        keep.append((hg_requirement * len(limits))(*limits))
        o.require, o.n_require = keep[-1], len(limits)
        o.failed, o.cost, o.kernel = _bytes(failed), _bytes(cost), _bytes(kernel)
        f = o.features
        f.columns, f.n_columns, a = _names(features)
        f.exclude, f.n_exclude, b = _names(exclude)
        o.prior, o.n_prior, c = _names(prior)
        keep += [a, b, c]
        f.formula = _bytes(formula)
        if descriptor:
            f.descriptor = _bytes(descriptor)
        if acquisition:
            number = _c.c_int()
            _call(lib.hg_acquisition_find, _c.byref(number), _bytes(acquisition))
            o.acquisition = number.value
        o.batch, o.seed, o.ucb_kappa = batch, seed, ucb_kappa
        o.even_pool, o.monte_carlo = even_pool, monte_carlo
        self.interrupted = None
        self.hooks = hg_hooks(_LOG(), _PROGRESS(self._tick), None)
        o.hooks = _c.pointer(self.hooks)
        self.progress, self.threads, self.keep = progress, threads, keep

    def _tick(self, user, what, done, total):
        try:  # an exception cannot travel through C: stop the call, raise it afterwards
            return self.progress is None or self.progress(_text(what), done, total) is not False
        except BaseException as e:
            self.interrupted = e
            return False

    def ask(self, function, out, *arguments):
        pool = _c.c_void_p()
        _call(_lib().hg_pool_new, _c.byref(pool), self.threads)
        self.opts.pool = pool
        try:
            _call(function, _c.byref(out), *arguments)
        except Error:
            if self.interrupted is not None:
                raise self.interrupted from None
            raise
        finally:
            self.opts.pool = None
            _lib().hg_pool_free(pool)
        return out


class Suggestions(_Owned, list):
    """A list of dicts, best first: row (of the candidates, from 0; None in a space), mean, sd (units of the target; lists
    for several), p_improve, p_feasible, score, neighbours (measured rows), distances (length scales), values, why.

    .model, .features, .warnings: sentences. .loo: the leave-one-out check of each target. .best, .best_row, .front.
    .relevance: {column: 0..1}. .pool: row[n], mean[n], sd[n], score[n] of every candidate.
    """
    _free = "hg_suggestions_free"

    def __init__(self, handle, question, measured, candidates):
        list.__init__(self)
        self._handle, self._question = handle, question
        self._tables = measured._owner, candidates and candidates._owner
        lib, r = _lib(), handle.contents
        one = r.n_objectives == 1
        groups = [lib.hg_features_group(r.features, g).contents for g in range(r.n_groups)]
        columns = [_text(g.column) for g in groups]
        for i in range(r.n):
            s = r.suggestion[i]
            k = s.n_neighbours
            row = None if s.row == _NONE else s.row
            self.append({"row": row, "mean": s.mean[0] if one else s.mean[:r.n_objectives],
                         "sd": s.sd[0] if one else s.sd[:r.n_objectives], "p_improve": s.p_improve,
                         "p_feasible": s.p_feasible, "score": s.score, "neighbours": s.neighbour[:k],
                         "distances": s.distance[:k], "values": self._values(r, i, row, columns), "why": _text(s.why)})
        self.model, self.warnings = _text(r.model_words), _text(r.warnings)
        self.features = _text(lib.hg_features_words(r.features)) if r.features else ""
        self.acquisition = _text(r.acquisition)
        self.best = [_finite(v) for v in r.best[:r.n_objectives]]
        self.best_row = None if r.best_row == _NONE else r.best_row
        self.front = list(r.front[:r.n_front]) if r.front else []
        self.relevance = dict(zip(columns, r.relevance[:r.n_groups])) if r.relevance else {}
        self.loo = [self._check(r.loo[k]) for k in range(r.n_objectives)]
        n = r.n_pool
        self.pool = {"row": _copy(r.pool_row, n), "mean": _copy(r.pool_mean, n), "sd": _copy(r.pool_sd, n),
                     "score": _copy(r.pool_score, n)}

    def _values(self, r, i, row, columns):
        lib, table = _lib(), r.points if row is None else r.candidates or r.measured
        at, values = i if row is None else row, {}
        for name in columns if table else ():
            j = _c.c_size_t()
            _call(lib.hg_table_find, _c.byref(j), table, _bytes(name))
            c = lib.hg_table_column(table, j.value).contents
            values[name] = c.number[at] if c.number else _text(lib.hg_table_text(table, j.value, at))
        return values

    @staticmethod
    def _check(loo):
        return {"row": _copy(loo.row, loo.n), "y": _copy(loo.y, loo.n), "mean": _copy(loo.mean, loo.n),
                "sd": _copy(loo.sd, loo.n), "rmse": loo.rmse, "rmse_mean": loo.rmse_mean, "coverage90": loo.coverage90,
                "max_abs_z": loo.max_abs_z, "max_abs_z_row": loo.max_abs_z_row,
                "better_than_mean": loo.better_than_mean, "words": _text(loo.words)}

    def _report(self, function, *before, title=None, label=None):
        r = hg_report(suggestions=self._live(), objective=self._question.objective,
                      n_objectives=len(self._question.objective), title=_bytes(title), label=_bytes(label))
        out = hg_bytes()
        _call(function, _c.byref(out), *before, _c.byref(r))
        try:
            return _c.string_at(out.data, out.len)
        finally:
            _lib().hg_bytes_free(_c.byref(out))

    def report(self, title=None, label=None):
        """The report as one HTML page (a str). label: the column that names a row."""
        return self._report(_lib().hg_report_html, title=title, label=label).decode()

    def figure(self, name, format="svg", label=None):
        """One figure as bytes: name such as "progress", "parity", "map", "pool"; format "svg", "pdf" or "png"."""
        number = _c.c_int()
        _call(_lib().hg_figure_format_find, _c.byref(number), _bytes(format))
        return self._report(_lib().hg_report_figure, _bytes(name), number.value, label=label)


def suggest(table, target, maximize=True, *, candidates=None, space=None, features=(), exclude=(), formula=None,
            descriptor=None, require=(), failed=None, cost=None, acquisition=None, kernel=None, batch=1, seed=0, threads=0,
            ucb_kappa=0.0, even_pool=False, monte_carlo=False, prior=(), progress=None):
    """What to measure next. Returns Suggestions, a list of dicts, best first.

    table: a Table, a dict of columns, a data frame, or the path of a CSV file. Rows whose target is blank (None, NaN) are
    the candidates, unless candidates (a table too) or space (path of a YAML file, or a dict {"variables": ...}) is given.
    target, maximize: a name and a bool, or lists of one to three. features: the columns to use; none: chosen.
    require: [("Tc (K)", ">", 500)]. failed, cost, formula: names of columns. acquisition: "ei", "ucb", ...
    even_pool: do not treat a pool that crowds in places as the record of an earlier campaign.
    prior: columns with what other models say of each row, of both tables; the prior mean is a constant and a multiple of each.
    threads: 0 = one a processor; the result does not depend on it. progress(what, done, total): return False to stop.
    """
    lib = _lib()
    about = {"text": [formula]} if formula else {}
    measured = _table(table, **about)
    pool = None if candidates is None else _table(candidates, **about)
    q = _Question(target, maximize, features, exclude, formula, descriptor, require, failed, cost, acquisition, kernel,
                  batch, seed, threads, progress, ucb_kappa, even_pool, monte_carlo, prior)
    region = _c.c_void_p()
    if isinstance(space, collections.abc.Mapping):  # JSON is YAML
        words = json.dumps(space).encode()
        _call(lib.hg_space_read_memory, _c.byref(region), b"space", words, len(words))
    elif space is not None:
        _call(lib.hg_space_read, _c.byref(region), _bytes(space))
    try:
        out = q.ask(lib.hg_suggest, _c.POINTER(hg_suggestions)(), measured._live(), pool and pool._live(), region,
                    _c.byref(q.opts))
    finally:
        lib.hg_space_free(region)
    return Suggestions(out, q, measured, pool)


def replay(table, target, maximize=True, *, initial=2, budget=40, runs=100, average_duplicates=True, features=(), exclude=(),
           formula=None, descriptor=None, acquisition=None, kernel=None, seed=0, threads=0, ucb_kappa=0.0,
           even_pool=False, progress=None):
    """Pretends that a fully measured table is unknown, and counts measurements until the best is found.

    Returns a dict: to_95, to_99, to_top5 and random (the same three): {median, q90, max, unreached}, None where too many runs
    never got there; best_so_far, random_best [budget + 1, 3]: median, 10 % and 90 % quantile; y_best; words.
    """
    lib = _lib()
    t = _table(table, **({"text": [formula]} if formula else {}))
    q = _Question(target, maximize, features, exclude, formula, descriptor, (), None, None, acquisition, kernel, 1, seed,
                  threads, progress, ucb_kappa, even_pool)
    o = hg_replay_opts(initial, budget, runs, average_duplicates)
    out = q.ask(lib.hg_replay, _c.POINTER(hg_replay_result)(), t._live(), _c.byref(q.opts), _c.byref(o))
    try:
        r = out.contents
        reach = {name: {"median": _finite(v.median), "q90": _finite(v.q90), "max": _finite(v.max), "unreached": v.unreached}
                 for name in ("to_95", "to_99", "to_top5", "random_95", "random_99", "random_top5")
                 for v in [getattr(r, name)]}
        steps = r.budget + 1
        return {"n_pool": r.n_pool, "runs": r.runs, "budget": r.budget, "initial": r.initial, "to_95": reach["to_95"],
                "to_99": reach["to_99"], "to_top5": reach["to_top5"],
                "random": {"to_" + k: reach["random_" + k] for k in ("95", "99", "top5")},
                "best_so_far": _copy(r.best_so_far, steps, 3), "random_best": _copy(r.random_best, steps, 3),
                "y_best": r.y_best, "words": _text(r.words)}
    finally:
        lib.hg_replay_free(out)
