/* replay COUNT LAST INPUT...: every input, and COUNT more made of them by chance,
 * the same ones every time: the targets without libFuzzer. The file LAST is the input that
 * runs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 1 << 14 };

typedef struct Text { size_t n; uint8_t bytes[MOST]; } Text;

static uint64_t state = 1;
static uint32_t draw(size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((state >> 33) * n) >> 31);
}

static void insert(Text *t, size_t at, const uint8_t *bytes, size_t n) {
    if (n > MOST - t->n) n = MOST - t->n;
    memmove(t->bytes + at + n, t->bytes + at, t->n - at);
    memmove(t->bytes + at, bytes, n);
    t->n += n;
}

static void erase(Text *t, size_t at, size_t n) {
    if (n > t->n - at) n = t->n - at;
    memmove(t->bytes + at, t->bytes + at + n, t->n - at - n);
    t->n -= n;
}

/* Behind the byte that chooses the target. */
static void change(Text *t, const Text *other) {
    size_t at = t->n > 1 ? 1 + draw(t->n - 1) : t->n, from = draw(other->n + 1);
    uint8_t some[4] = {(uint8_t)draw(256), 0xFF, (uint8_t)draw(256), 0};
    switch (draw(7)) {
    case 0: insert(t, at, some, 1 + draw(4)); break;
    case 1: erase(t, at, 1 + draw(8)); break;
    case 2: t->n = draw(8) ? t->n : at; break;
    case 3: insert(t, at, other->bytes + from, draw(other->n - from + 1) % 64); break;
    case 4: if (at < t->n) t->bytes[at] = some[draw(4)]; break;
    default: if (at < t->n) t->bytes[at] ^= (uint8_t)(1 << draw(8));
    }
}

static Text *read_input(const char *path) {
    Text *t = malloc(sizeof *t);
    FILE *in = fopen(path, "rb");
    if (!t || !in) exit(2);
    t->n = fread(t->bytes, 1, MOST, in);
    fclose(in);
    return t;
}

/* Mapped, for it is written before every run. */
typedef struct Last { int fd; uint8_t *bytes; } Last;

static Last open_last(const char *path) {
    Last last = {open(path, O_RDWR | O_CREAT | O_TRUNC, 0666), NULL};
    void *at = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, last.fd, 0);
    if (last.fd < 0 || at == MAP_FAILED) exit(2);
    last.bytes = at;
    return last;
}

static void run(const Last *last, const Text *t) {
    if (ftruncate(last->fd, (off_t)t->n)) exit(2);
    memcpy(last->bytes, t->bytes, t->n);
    LLVMFuzzerTestOneInput(t->bytes, t->n);
}

int main(int argc, char **argv) {
    int n = argc - 3, count = argc > 3 ? atoi(argv[1]) : 0;
    Text **input = calloc((size_t)argc, sizeof *input);
    static Text made;
    Last last;
    if (n <= 0 || !input || LLVMFuzzerInitialize(&argc, &argv)) return 2;
    last = open_last(argv[2]);
    for (int i = 0; i < n; i++) run(&last, input[i] = read_input(argv[i + 3]));
    for (int i = 0; i < count; i++) {
        made = *input[draw((size_t)n)];
        for (uint32_t k = 1 + draw(4); k; k--) change(&made, input[draw((size_t)n)]);
        run(&last, &made);
    }
    for (int i = 0; i < n; i++) free(input[i]);
    free(input);
    return 0;
}
