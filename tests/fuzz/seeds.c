/* tests/fuzz/seeds.c -- runs a fuzz target over the files of a folder, for builds without libFuzzer */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return perror(path), 1;
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    rewind(f);
    /* exactly as large as the file, so that the address sanitizer sees a read past its end */
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    const size_t got = bytes ? fread(bytes, 1, (size_t)size, f) : 0;
    fclose(f);
    const int bad = size < 0 || got != (size_t)size;
    if (bad)
        fprintf(stderr, "%s: could not be read\n", path);
    else
        LLVMFuzzerTestOneInput(bytes, got);
    free(bytes);
    return bad;
}

int main(int argc, char **argv) {
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER with at least one seed\n", argv[0]);
        return 2;
    }
    int bad = 0;
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        bad |= run_file(path);
        n++;
    }
    closedir(folder);
    printf("%zu seeds\n", n);
    return bad || n == 0;
}
