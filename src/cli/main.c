/* cli/main.c -- the program */
#include "hagane/core.h"
#include <stdio.h>

int main(void) {
    printf("hagane %s\n", hg_version());
    return 0;
}
