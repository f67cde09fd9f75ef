/* tests/house/consumer/main.c -- the smallest program that shows the library is there and is the one in the header */
#include <hagane/hagane.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    hg_composition c;
    hg_err err;
    char formula[64];
    if (hg_composition_read(&c, "(Nd0.5Nd0.5)2 Fe14 B", &err) != HG_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    hg_composition_write(formula, sizeof formula, &c);
    printf("hagane %s: %s\n", hg_version(), formula);
    return strcmp(hg_version(), HG_VERSION) != 0 || strcmp(formula, "Nd2Fe14B") != 0;
}
