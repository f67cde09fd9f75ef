/* tools/make_tables.c -- data/elements/ -> C arrays, run by the build (cmake/generated.cmake)
 *
 *   make_tables matter   elements.tsv isotopes.tsv              tables.h tables.c
 *   make_tables describe elements.tsv xenonpy.csv magpie.tsv oxidation_states.tsv miedema.tsv mixing_enthalpies.tsv tables.h tables.c
 *
 * No number is typed by hand and no file is needed at run time. Numbers are copied as they stand in the source file, so the
 * output is the same on every machine. A table that is not as expected (rows in order of atomic number, every cell a number
 * or, where allowed, blank) stops the build with its line.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 3000, MAX_COLUMNS = 80, ELEMENTS = 118 };

typedef struct {
    const char *path;
    char *text;
    char *cell[MAX_ROWS][MAX_COLUMNS]; /* row 0 is the header */
    int rows, columns;
} table;

static table elements, isotopes, xenonpy, magpie, oxidation, miedema, mixing;

static void stop(const char *path, int line, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "%s:%d: ", path, line);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static void read_text(table *t, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) stop(path, 0, "cannot be opened");
    t->path = path;
    t->text = calloc(1, 1 << 20);
    if (!t->text) stop(path, 0, "no memory");
    const size_t n = fread(t->text, 1, (1 << 20) - 1, f);
    if (n == (1 << 20) - 1) stop(path, 0, "longer than expected");
    fclose(f);
}

/* Cuts the text into cells in place; the separator is the first tab or comma of the file. */
static void read_table(table *t, const char *path) {
    read_text(t, path);
    const char separator = t->text[strcspn(t->text, "\t,")];
    char *s = t->text;
    while (*s) {
        if (t->rows == MAX_ROWS) stop(path, t->rows, "too many rows");
        int columns = 0;
        for (char *cell = s;; s++) {
            const char c = *s;
            if (c != separator && c != '\n' && c != '\0') continue;
            if (columns == MAX_COLUMNS) stop(path, t->rows + 1, "too many columns");
            t->cell[t->rows][columns++] = cell;
            *s = '\0';
            cell = s + 1;
            if (c == separator) continue;
            if (c == '\n') s++;
            break;
        }
        if (t->rows == 0) t->columns = columns;
        if (columns != t->columns) stop(path, t->rows + 1, "%d cells, expected %d", columns, t->columns);
        t->rows++;
    }
}

static int column(const table *t, const char *name) {
    for (int j = 0; j < t->columns; j++)
        if (strcmp(t->cell[0][j], name) == 0) return j;
    stop(t->path, 1, "no column \"%s\"", name);
    return -1;
}

/* The cell as a C literal; a blank is NAN. */
static const char *number(const table *t, int row, int j) {
    const char *s = t->cell[row][j];
    char *end;
    if (!*s) return "NAN";
    strtod(s, &end);
    if (*end || strspn(s, "0123456789+-.eE") != strlen(s)) stop(t->path, row + 1, "\"%s\" is not a number", s);
    return s;
}

static FILE *begin(const char *path, const char *why) {
    FILE *f = fopen(path, "wb");
    if (!f) stop(path, 0, "cannot be written");
    fprintf(f, "/* Made by tools/make_tables from data/elements/. Do not edit. %s */\n", why);
    return f;
}

static void end(FILE *f, const char *path) {
    if (ferror(f) || fclose(f) != 0) stop(path, 0, "could not be written");
}

/* ---- matter: symbols, names, masses --------------------------------------------------------------------------------- */

static void write_symbols(FILE *c) {
    static unsigned char z_of[26][27];
    const int symbol = column(&elements, "symbol");
    for (int z = 1; z <= ELEMENTS; z++) {
        const char *s = elements.cell[z][symbol];
        if (!isupper((unsigned char)s[0]) || (s[1] && (!islower((unsigned char)s[1]) || s[2])))
            stop(elements.path, z + 1, "\"%s\" is not a symbol", s);
        z_of[s[0] - 'A'][s[1] ? s[1] - 'a' + 1 : 0] = (unsigned char)z;
    }
    fprintf(c, "\nconst unsigned char hg_symbol_table[26][27] = {\n");
    for (int i = 0; i < 26; i++) {
        fprintf(c, "    {");
        for (int j = 0; j < 27; j++) fprintf(c, "%s%d", j ? "," : "", z_of[i][j]);
        fprintf(c, "},\n");
    }
    fprintf(c, "};\n");
}

static void write_matter(const char *h_path, const char *c_path) {
    const int symbol = column(&elements, "symbol"), name = column(&elements, "name"),
              mass = column(&elements, "atomic_weight"), en = column(&elements, "en_pauling");
    if (elements.rows != ELEMENTS + 1) stop(elements.path, elements.rows, "not %d elements", ELEMENTS);
    FILE *h = begin(h_path, "Declarations.");
    fprintf(h,
            "#ifndef HG_MATTER_TABLES_H\n#define HG_MATTER_TABLES_H\n"
            "typedef struct {\n    const char *symbol, *name;\n    double mass; /* u */\n"
            "    double electronegativity; /* Pauling; NAN = not known */\n} hg_element;\n"
            "typedef struct {\n    unsigned z, a;\n    const char *symbol;\n    double mass; /* u */\n} hg_isotope;\n"
            "enum { HG_ISOTOPES = %d };\n"
            "extern const hg_element hg_element_table[%d]; /* [z] */\n"
            "extern const hg_isotope hg_isotope_table[HG_ISOTOPES];\n"
            "/* atomic number of first letter, 1 + second letter (0: none); 0 = no such element */\n"
            "extern const unsigned char hg_symbol_table[26][27];\n#endif\n",
            isotopes.rows - 1, ELEMENTS + 1);
    end(h, h_path);

    FILE *c = begin(c_path, "Symbols, names, masses.");
    fprintf(c, "#include \"matter/tables.h\"\n#include <math.h>\n\nconst hg_element hg_element_table[%d] = {\n",
            ELEMENTS + 1);
    for (int z = 1; z <= ELEMENTS; z++) {
        if (atoi(elements.cell[z][0]) != z) stop(elements.path, z + 1, "not element %d", z);
        char *word = elements.cell[z][name];
        word[0] = (char)tolower((unsigned char)word[0]); /* names are common nouns */
        fprintf(c, "    [%d] = { \"%s\", \"%s\", %s, %s },\n", z, elements.cell[z][symbol], word,
                number(&elements, z, mass), number(&elements, z, en));
    }
    fprintf(c, "};\n\nconst hg_isotope hg_isotope_table[HG_ISOTOPES] = {\n");
    for (int i = 1; i < isotopes.rows; i++)
        fprintf(c, "    { %s, %s, \"%s\", %s },\n", number(&isotopes, i, 0), number(&isotopes, i, 1),
                isotopes.cell[i][2], number(&isotopes, i, 4));
    fprintf(c, "};\n");
    write_symbols(c);
    end(c, c_path);
}

/* ---- describe: features of elements and the names of the descriptors ------------------------------------------------ */

/* One descriptor set: blocks of statistics (the only list of them), each over all features of the element table. */
typedef struct {
    const char *set, *SET;
    table *t;
    int first;          /* column of the first feature */
    const char *weight; /* the feature that an isotope replaces */
    const char *block[8];
} family;

static void write_family(FILE *h, FILE *c, const family *f) {
    const int n = f->t->columns - f->first, rows = f->t->rows;
    int blocks = 0;
    fprintf(h, "enum { HG_%s_ELEMENTS = %d, HG_%s_FEATURES = %d, HG_%s_WEIGHT = %d };\nenum {", f->SET, rows - 1,
            f->SET, n, f->SET, column(f->t, f->weight) - f->first);
    for (; f->block[blocks]; blocks++) {
        fprintf(h, "%s HG_%s_", blocks ? "," : "", f->SET);
        for (const char *s = f->block[blocks]; *s; s++) fputc(toupper((unsigned char)*s), h);
    }
    fprintf(h, ", HG_%s_BLOCKS };\n", f->SET);
    fprintf(h, "extern const double hg_%s_table[%d][%d]; /* [z][feature] */\n", f->set, rows, n);
    fprintf(h, "extern const char *const hg_%s_columns[%d];\n\n", f->set, n * blocks);

    fprintf(c, "\nconst double hg_%s_table[%d][%d] = {\n", f->set, rows, n);
    for (int z = 1; z < rows; z++) {
        fprintf(c, "    [%d] = {", z);
        for (int j = 0; j < n; j++) fprintf(c, "%s%s", j ? ", " : " ", number(f->t, z, f->first + j));
        fprintf(c, " },\n");
    }
    fprintf(c, "};\n\nconst char *const hg_%s_columns[%d] = {\n", f->set, n * blocks);
    for (int b = 0; b < blocks; b++)
        for (int j = 0; j < n; j++) fprintf(c, "    \"%s:%s\",\n", f->block[b], f->t->cell[0][f->first + j]);
    fprintf(c, "};\n");
}

/* The least, the lowest positive and the most of an element's states, and how many there are. */
static void write_oxidation(FILE *h, FILE *c) {
    static int least[ELEMENTS + 1], low[ELEMENTS + 1], most[ELEMENTS + 1], states[ELEMENTS + 1];
    for (int i = 1; i < oxidation.rows; i++) {
        const int z = atoi(number(&oxidation, i, 0)), state = atoi(number(&oxidation, i, 1));
        if (z < 1 || z > ELEMENTS || state == 0) stop(oxidation.path, i + 1, "no state of an element");
        if (!states[z] || state < least[z]) least[z] = state;
        if (!states[z] || state > most[z]) most[z] = state;
        if (state > 0 && (!low[z] || state < low[z])) low[z] = state;
        states[z]++;
    }
    fprintf(
        h,
        "typedef struct {\n    signed char least, low, most, states; /* low: the lowest positive one, 0: none; states 0: it has none */\n} hg_oxidation;\n"
        "extern const hg_oxidation hg_oxidation_table[%d]; /* [z] */\n"
        "enum { /* columns of hg_xenonpy_table */",
        ELEMENTS + 1);
    for (int j = 1; j < xenonpy.columns; j++) {
        fprintf(h, "%s\n    HG_XENONPY_", j > 1 ? "," : "");
        for (const char *s = xenonpy.cell[0][j]; *s; s++) fputc(toupper((unsigned char)*s), h);
    }
    fprintf(h, "\n};\n");
    fprintf(c, "\nconst hg_oxidation hg_oxidation_table[%d] = {\n", ELEMENTS + 1);
    for (int z = 1; z <= ELEMENTS; z++)
        if (states[z]) fprintf(c, "    [%d] = { %d, %d, %d, %d },\n", z, least[z], low[z], most[z], states[z]);
    fprintf(c, "};\n");
}

static int element(const table *t, int row, int j) {
    const int symbol = column(&elements, "symbol");
    for (int z = 1; z <= ELEMENTS; z++)
        if (strcmp(elements.cell[z][symbol], t->cell[row][j]) == 0) return z;
    stop(t->path, row + 1, "\"%s\" is no element", t->cell[row][j]);
    return 0;
}

/* Miedema's parameters, and heats of mixing of pairs of those elements that have them. */
static void write_alloys(FILE *h, FILE *c) {
    static const char *heat[ELEMENTS + 1][ELEMENTS + 1];
    static int has[ELEMENTS + 1];
    fprintf(h, "typedef struct {\n    double");
    for (int j = 1; j < miedema.columns; j++) fprintf(h, "%s %s", j > 1 ? "," : "", miedema.cell[0][j]);
    fprintf(h,
            ";\n} hg_miedema;\nextern const hg_miedema hg_miedema_table[%d]; /* [z]; molar_volume 0: not there */\n"
            "extern const float hg_mixing_table[%d][%d]; /* [z][z] kJ/mol; NAN: not there */\n",
            ELEMENTS + 1, ELEMENTS + 1, ELEMENTS + 1);
    for (int i = 1; i < mixing.rows; i++) {
        const int a = element(&mixing, i, 0), b = element(&mixing, i, 1);
        if (heat[a][b]) stop(mixing.path, i + 1, "a pair that was there");
        heat[a][b] = heat[b][a] = number(&mixing, i, 2);
        has[a] = has[b] = 1;
    }
    fprintf(c, "\nconst hg_miedema hg_miedema_table[%d] = {\n", ELEMENTS + 1);
    for (int i = 1; i < miedema.rows; i++) {
        const int z = element(&miedema, i, 0);
        if (!has[z]) continue;
        fprintf(c, "    [%d] = {", z);
        for (int j = 1; j < miedema.columns; j++) fprintf(c, "%s%s", j > 1 ? ", " : " ", number(&miedema, i, j));
        fprintf(c, " },\n");
    }
    fprintf(c, "};\n\nconst float hg_mixing_table[%d][%d] = {\n", ELEMENTS + 1, ELEMENTS + 1);
    for (int a = 0; a <= ELEMENTS; a++) {
        fprintf(c, "    {");
        for (int b = 0; b <= ELEMENTS; b++) fprintf(c, "%s%s", b ? "," : "", heat[a][b] ? heat[a][b] : "NAN");
        fprintf(c, "},\n");
    }
    fprintf(c, "};\n");
}

static void write_describe(const char *h_path, const char *c_path) {
    static const family families[] = {
        { "xenonpy", "XENONPY", &xenonpy, 1, "atomic_weight", { "ave", "sum", "var", "max", "min" } },
        { "magpie", "MAGPIE", &magpie, 0, "AtomicWeight", { "min", "max", "range", "mean", "mean_deviation", "mode" } },
    };
    const int symbol = column(&elements, "symbol"), number_of = column(&magpie, "Number");
    for (int z = 1; z < xenonpy.rows; z++)
        if (strcmp(xenonpy.cell[z][0], elements.cell[z][symbol]) != 0) stop(xenonpy.path, z + 1, "not element %d", z);
    for (int z = 1; z < magpie.rows; z++)
        if (atoi(magpie.cell[z][number_of]) != z) stop(magpie.path, z + 1, "not element %d", z);

    FILE *h = begin(h_path, "Declarations."), *c = begin(c_path, "Element features.");
    fprintf(h, "#ifndef HG_DESCRIBE_TABLES_H\n#define HG_DESCRIBE_TABLES_H\n\n");
    fprintf(c, "#include \"describe/tables.h\"\n#include <math.h>\n");
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) write_family(h, c, &families[i]);
    write_oxidation(h, c);
    write_alloys(h, c);
    fprintf(h, "extern const char *const hg_fraction_columns[%d];\n#endif\n", ELEMENTS);
    fprintf(c, "\nconst char *const hg_fraction_columns[%d] = {\n", ELEMENTS);
    for (int z = 1; z <= ELEMENTS; z++) fprintf(c, "    \"fraction:%s\",\n", elements.cell[z][symbol]);
    fprintf(c, "};\n");
    end(h, h_path);
    end(c, c_path);
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "matter") == 0) {
        read_table(&elements, argv[2]);
        read_table(&isotopes, argv[3]);
        write_matter(argv[4], argv[5]);
    } else if (argc == 10 && strcmp(argv[1], "describe") == 0) {
        read_table(&elements, argv[2]);
        read_table(&xenonpy, argv[3]);
        read_table(&magpie, argv[4]);
        read_table(&oxidation, argv[5]);
        read_table(&miedema, argv[6]);
        read_table(&mixing, argv[7]);
        write_describe(argv[8], argv[9]);
    } else {
        fprintf(stderr, "usage: make_tables matter|describe TABLE... tables.h tables.c\n");
        return 2;
    }
    free(elements.text);
    free(isotopes.text);
    free(xenonpy.text);
    free(magpie.text);
    free(oxidation.text);
    free(miedema.text);
    free(mixing.text);
    return 0;
}
