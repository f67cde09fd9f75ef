"""Tests of python/hagane.py: test_hagane.py LAYOUT_PROGRAM [--no-numpy | --numpy]

The layout program prints the C structs' offsets. --no-numpy hides NumPy; --numpy leaves with 77 (skipped) where there is none.
HAGANE_LIBRARY names the library under test.
"""
import array, ctypes, doctest, gc, math, os, subprocess, sys, tempfile, unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
LAYOUT = sys.argv.pop(1)
MODE = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1].endswith("numpy") else ""
if MODE == "--no-numpy":
    sys.modules["numpy"] = None  # any import of it fails
sys.path.insert(0, os.path.join(SOURCE, "python"))
import hagane

np = hagane._np
if MODE == "--numpy" and np is None:
    print("SKIPPED: this Python has no NumPy")
    sys.exit(77)

MAGNETS = os.path.join(SOURCE, "data", "mammos-magnets", "ndcefeb132.csv")
TARGET = "Hc_measured_A_m"


def some_measured(keep=range(0, 132, 11)):
    columns = {k: list(v) for k, v in hagane.read_csv(MAGNETS).items()}
    columns[TARGET] = [v if i in keep else None for i, v in enumerate(columns[TARGET])]
    return columns


class Layout(unittest.TestCase):
    def test_every_struct_is_laid_out_as_in_c(self):
        structs, fields = {}, None
        for line in subprocess.run([LAYOUT], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines():
            kind, name, *numbers = line.split()
            numbers = [int(n) for n in numbers]
            if kind == "struct":
                fields = []
                structs[name] = (numbers[0], fields)
            else:
                fields.append((name, *numbers))
        declared = {name for name, v in vars(hagane).items() if isinstance(v, type) and issubclass(v, ctypes.Structure)}
        self.assertEqual(set(structs), declared)
        for name, (size, fields) in structs.items():
            s = getattr(hagane, name)
            self.assertEqual([(f, getattr(s, f).offset, getattr(s, f).size) for f, *_ in s._fields_], fields, name)
            self.assertEqual(ctypes.sizeof(s), size, name)

    def test_every_function_is_exported(self):
        hagane._lib()
        self.assertEqual(hagane.version(), hagane.__version__)


class Tables(unittest.TestCase):
    def test_a_csv_file_reads_as_columns(self):
        t = hagane.read_csv(MAGNETS)
        self.assertEqual((t.rows, len(t)), (132, 7))
        self.assertAlmostEqual(t[TARGET][0], 660551.754)
        self.assertIn("x_pos_mm", t)
        with self.assertRaises(KeyError):
            t["x_pos"]
        if np is not None:
            column = t["x_pos_mm"]
            self.assertFalse(column.flags.owndata)  # a view ...
            with self.assertRaises(ValueError):
                column[0] = 1  # ... that cannot be written to ...
            del t
            gc.collect()
            self.assertEqual(column[0], -40)  # ... and keeps the table alive

    def test_what_looks_into_a_table_outlives_its_close(self):
        with hagane.Table({"x": [0.0, 0.5, 1.0], "y": [0.1, None, 0.3]}) as t:
            column = t["x"]
            best = hagane.suggest(t, target="y")
        gc.collect()
        self.assertEqual(list(column), [0.0, 0.5, 1.0])  # not freed memory, which valgrind and the sanitizers would see
        self.assertIn("x", best.report())
        with self.assertRaises(ValueError):
            t["x"]

    def test_columns_come_from_lists_buffers_and_texts(self):
        t = hagane.Table({"a (T)": [1, None, 3], "b": array.array("d", [4, 5, 6]), "c": ["Fe", "", "\u03b1"]})
        self.assertTrue(math.isnan(t["a (T)"][1]))
        self.assertEqual(list(t["b"]), [4, 5, 6])
        self.assertEqual(t["c"], ["Fe", "", "\u03b1"])
        self.assertEqual(t.unit("a (T)"), "T")
        with self.assertRaises(ValueError):
            hagane.Table({"a": [1], "b": [1, 2]})

    def test_errors_carry_their_place(self):
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
            f.write("a,b\n1,2\n3\n")
            f.flush()
            with self.assertRaises(hagane.Error) as e:
                hagane.read_csv(f.name)
        self.assertEqual((e.exception.status, e.exception.line), ("HG_EPARSE", 3))
        self.assertTrue(e.exception.message)
        with hagane.Table({"a": [1]}) as t:
            pass
        with self.assertRaises(ValueError):
            t.rows


class Formulae(unittest.TestCase):
    def test_formulae_and_descriptors(self):
        self.assertEqual(hagane.parse_formula("D2O"), {"D": 2, "O": 1})
        self.assertEqual(hagane.canonical_formula("O4Fe3"), "Fe3O4")
        x, names = hagane.descriptors(["Fe2O3", "NaCl"])
        self.assertEqual((len(x), len(x[0]), len(names)), (2, 290, 290))
        self.assertAlmostEqual(x[0][names.index("ave:atomic_number")], (2 * 26 + 3 * 8) / 5)
        with self.assertRaises(hagane.Error) as e:
            hagane.parse_formula("Fe2Xx3")
        self.assertEqual(e.exception.status, "HG_EPARSE")
        self.assertEqual(e.exception.column, 4)


class Processes(unittest.TestCase):
    def test_two_points_match_the_closed_form(self):
        """x = 0, 1 and y = -1, 1; by symmetry the mean of the process is 0 and alpha = (-a, a)."""
        fitted = hagane.GP([[0.0], [1.0]], [-1.0, 1.0], kernel="rbf", noise_sd=0.1, standardise=False)
        names = list(fitted.params)
        length = math.exp([v for k, v in fitted.params.items() if "length" in k][0])
        k = math.exp(-0.5 / length ** 2)
        var = fitted.signal_sd ** 2
        q = 0.25
        a = 1 / (var * (1 - k) + 0.1 ** 2)
        expected = a * var * (math.exp(-0.5 * ((1 - q) / length) ** 2) - math.exp(-0.5 * (q / length) ** 2))
        mean, sd = fitted.predict([[q]])
        self.assertAlmostEqual(mean[0], expected, 6)
        again = hagane.GP([[0.0], [1.0]], [-1.0, 1.0], kernel="rbf", noise_sd=0.1, standardise=False, learn=False,
                          params=[fitted.params[n] for n in names])
        self.assertAlmostEqual(again.predict([[q]])[0][0], mean[0], 12)

    def test_predict_sample_update_loo(self):
        x = [[i / 9, (i * 7 % 10) / 9] for i in range(10)]
        y = [math.sin(3 * a) + b for a, b in x]
        with hagane.GP(x, y, kernel="matern52", noise_sd=1e-3, seed=1) as gp:
            mean, sd = gp.predict(x)
            self.assertLess(max(abs(m - v) for m, v in zip(mean, y)), 0.05)
            self.assertTrue(all(s >= 0 for s in sd))
            cov = gp.covariance(x[:3])
            self.assertAlmostEqual(math.sqrt(cov[1][1]), sd[1], 8)
            self.assertEqual([list(r) for r in gp.sample(x, 2, seed=5)], [list(r) for r in gp.sample(x, 2, seed=5)])
            loo_mean, loo_sd = gp.loo()
            self.assertEqual(len(loo_mean), 10)
            self.assertEqual(len(gp.relevance), 2)
            gp.update([0.5, 0.5], 1.5)
            self.assertEqual(len(gp.loo()[0]), 11)
            self.assertIn("11", str(gp))
        with self.assertRaises(ValueError):
            gp.predict(x)

    def test_bad_input_is_refused_with_words(self):
        with self.assertRaises(hagane.Error) as e:
            hagane.GP([[0.0], [float("nan")]], [0, 1])
        self.assertEqual(e.exception.status, "HG_ENAN")
        with self.assertRaises(ValueError):
            hagane.GP([[0.0], [1.0]], [0])
        with self.assertRaises(TypeError):
            hagane.GP([[0.0], [1.0]], [0, 1], lengthscale=3)
        gp = hagane.GP([[0.0], [1.0]], [0, 1])
        with self.assertRaises(ValueError):
            gp.predict([[0.0, 1.0]])


class Campaigns(unittest.TestCase):
    def test_suggestions_say_what_and_why(self):
        s = hagane.suggest(some_measured(), TARGET, features=["x_pos_mm", "y_pos_mm"], batch=3, threads=2)
        self.assertEqual(len(s), 3)
        first = s[0]
        self.assertTrue(first["row"] % 11)
        self.assertTrue(0 <= first["p_improve"] <= 1 and first["sd"] > 0 and first["why"])
        self.assertEqual(set(first["values"]), {"x_pos_mm", "y_pos_mm"})
        self.assertEqual(len(s.pool["mean"]), 120)
        self.assertEqual(len(s.loo[0]["y"]), 12)
        self.assertEqual(s.loo[0]["y"][list(s.loo[0]["row"]).index(s.best_row)], s.best[0])
        one = hagane.suggest(some_measured(), TARGET, features=["x_pos_mm", "y_pos_mm"], batch=3, threads=1)
        self.assertEqual(list(one), list(s))
        self.assertTrue(s.report(title="<Hc>").startswith("<!DOCTYPE html>"))
        self.assertTrue(s.figure("map", "png").startswith(b"\x89PNG"))
        with self.assertRaises(hagane.Error) as e:
            s.figure("maap")
        self.assertIn("map", e.exception.hint)

    def test_candidates_requirements_and_spaces(self):
        measured = {"x": [0, 0.5, 1, 0.2], "y": [1, 2, 0.5, 1.4], "Tc (K)": [400, 600, 700, 450]}
        s = hagane.suggest(measured, "y", candidates={"x": [0.1, 0.6, 0.7]}, require=[("Tc (K)", ">", 500)],
                           features=["x"], batch=2)
        self.assertEqual({v["row"] for v in s} - {0, 1, 2}, set())
        self.assertLess(min(v["p_feasible"] for v in s), 1)
        s = hagane.suggest(measured, "y", maximize=False, space={"variables": {"x": {"min": 0, "max": 1}}})
        self.assertIsNone(s[0]["row"])
        self.assertTrue(0 <= s[0]["values"]["x"] <= 1)
        s = hagane.suggest(dict(measured, x2=[1, 3, 2, 5]), ["y", "Tc (K)"], [True, False], features=["x", "x2"],
                           candidates={"x": [0.1, 0.6], "x2": [1, 2]})
        self.assertEqual(len(s[0]["mean"]), 2)
        self.assertTrue(s.front)

    def test_what_another_model_says_is_the_prior_mean(self):
        said = [(7 * i) % 20 for i in range(20)]  # does not follow from x, and is nearly the answer
        table = {"x": [i / 20 for i in range(20)], "said": said,
                 "y": [2.0 * m + 0.1 * (i % 3) if i % 2 == 0 else None for i, m in enumerate(said)]}
        s = hagane.suggest(table, "y", features=["x"], prior=["said"])
        self.assertEqual(said[s[0]["row"]], 19)
        self.assertLess(s.loo[0]["rmse"], 3)
        self.assertGreater(hagane.suggest(table, "y", features=["x"], exclude=["said"]).loo[0]["rmse"], 5)

    def test_replay_beats_random(self):
        r = hagane.replay(MAGNETS, TARGET, features=["x_pos_mm", "y_pos_mm"], runs=10, budget=20, threads=2)
        self.assertLess(r["to_95"]["median"], r["random"]["to_95"]["median"])
        self.assertEqual((len(r["best_so_far"]), len(r["best_so_far"][0])), (21, 3))

    def test_progress_can_stop_and_its_exceptions_come_through(self):
        def stop(what, done, total):
            raise KeyboardInterrupt
        with self.assertRaises(KeyboardInterrupt):
            hagane.replay(MAGNETS, TARGET, features=["x_pos_mm"], runs=5, progress=stop, threads=1)
        with self.assertRaises(hagane.Error) as e:
            hagane.replay(MAGNETS, TARGET, features=["x_pos_mm"], runs=5, progress=lambda *_: False, threads=1)
        self.assertEqual(e.exception.status, "HG_ECANCEL")

    def test_refusals(self):
        with self.assertRaises(hagane.Error) as e:
            hagane.suggest({"x": [1, 2], "y": [1, 2]}, "y")
        self.assertEqual(e.exception.status, "HG_EDATA")
        with self.assertRaises(ValueError):
            hagane.suggest({"x": [1], "y": [None]}, ["y", "x"], [True])


class Memory(unittest.TestCase):
    @unittest.skipIf("LD_PRELOAD" in os.environ, "a sanitizer keeps freed memory back")
    def test_nothing_is_kept(self):
        def pages():
            with open("/proc/self/statm") as f:
                return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        columns = some_measured()

        def use():
            s = hagane.suggest(columns, TARGET, features=["x_pos_mm", "y_pos_mm"], threads=1)
            s.figure("relevance", "svg")
            hagane.GP([[0.0], [1.0]], [0, 1]).predict([[0.5]])
            try:
                hagane.parse_formula("Qq")
            except hagane.Error:
                pass
        for _ in range(20):
            use()
        gc.collect()
        before = pages()
        for _ in range(150):
            use()
        gc.collect()
        self.assertLess(pages() - before, 1.5)  # MB; a kind of object that is never freed costs 4 to 12


def load_tests(loader, tests, pattern):
    tests.addTests(doctest.DocTestSuite(hagane))
    return tests


if __name__ == "__main__":
    unittest.main(verbosity=2 if "-v" in sys.argv else 1)
