/* The index of a folder, as a file that anybody may have written. What was damaged is
 * refused: the pixels are those of the picture. What is made up may be believed, if it is
 * made up well, and touches nothing that it must not. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "source/index.h"
#include <fcntl.h>
#include <unistd.h>

enum { HEADED = 1, MADE_UP = 3, CHANGED = 4, CUT = 8 };

static const char name[] = "x.jpg";

/* A folder of this process, with the index in it. */
static char folder[] = "/tmp/pipec-fuzz-XXXXXX";

static void remove_folder(void) {
    char path[100];
    snprintf(path, sizeof path, "%s/" INDEX_NAME, folder);
    unlink(path);
    rmdir(folder);
}

static const char *folder_path(void) {
    static bool made;
    if (!made && (!mkdtemp(folder) || atexit(remove_folder))) abort();
    made = true;
    return folder;
}

static void write_index(Index index) {
    char path[100];
    int fd;
    snprintf(path, sizeof path, "%s/" INDEX_NAME, folder_path());
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, index.bytes, index.n) != (ssize_t)index.n) abort();
    close(fd);
}

/* Of the one file that the folder has. */
static Index folder_of(const pk_tensor *file, Index of) {
    enum { TABLES = sizeof(index_entry) + 8 };
    Index to = {calloc(1, sizeof(index_head) + TABLES + of.n), 0};
    index_head *head = to.bytes;
    index_entry *e = (index_entry *)(head + 1);
    *head = (index_head){INDEX_MAGIC, 2, 1, 8, 0, 0};
    *e = (index_entry){"jpeg", file->dim[0], 7, index_hash(file->data, file->dim[0]), 0,
                       sizeof *head + TABLES, of.n, index_check(of.bytes, of.n)};
    memcpy(e + 1, name, sizeof name);
    head->check = index_check(e, TABLES);
    memcpy((char *)e + TABLES, of.bytes, of.n);
    to.n = sizeof *head + TABLES + of.n;
    return to;
}

/* The head is made to fit what follows. */
static Index make_up(Input *in, bool headed) {
    size_t n = (size_t)(in->end - in->at);
    Index to = {malloc(n ? n : 1), n};
    index_head *head = to.bytes;
    memcpy(to.bytes, in->at, n);
    if (!headed || n < sizeof *head) return to;
    memcpy(head->magic, INDEX_MAGIC, sizeof head->magic);
    head->version = 2;
    head->n %= 4;
    head->names = (n - sizeof *head) % 64;
    if (sizeof *head + head->n * sizeof(index_entry) + head->names <= n)
        head->check = index_check(head + 1,
                                  head->n * sizeof(index_entry) + head->names);
    return to;
}

/* What the runtime finds of the picture, in reader's memory. */
static Index read_folder(Index index, const pk_tensor *file, source_reader *reader) {
    struct { source_index head; uint8_t bytes[1]; } *read =
        malloc(sizeof(source_index) + (size_t)file->dim[0] + 1);
    source s = {.indexed = 0};
    index_cache *cache = index_cache_new();
    pl_value value = {.data = read->bytes, .n = file->dim[0]};
    char path[100];
    Index found;
    write_index(index);
    read->head = (source_index){.modified = 7};
    memcpy(read->bytes, file->data, (size_t)file->dim[0]);
    snprintf(path, sizeof path, "%s/%s", folder_path(), name);
    index_find(cache, &s, reader, path, &value);
    found = (Index){(void *)read->head.index, read->head.bytes};
    index_cache_free(cache);
    free(s.note);
    free(read);
    return found;
}

/* bytes NULL: none can be made. */
static Index choose(int what, const pk_tensor *file, Input *in) {
    Index of, to;
    if (what & MADE_UP) return make_up(in, what & HEADED);
    of = make_index(file, 1 + what / 16);
    if (!of.bytes) return of;
    to = folder_of(file, of);
    free(of.bytes);
    if (what & CHANGED) damage(&to, in);
    if (what & CUT && to.n) to.n -= (size_t)take(in) % to.n;
    return to;
}

void fuzz_folder(Input *in) {
    int what = take(in), n = take(in);
    Form form = {3, 1};
    Input choices = {in->at, in->at + 5}, more;
    source_reader reader;
    pk_tensor file;
    Whole whole;
    if (in->end - in->at < 5 + n) return;
    more = (Input){choices.end, choices.end + n};
    file = copy_file(more.end, (size_t)(in->end - more.end));
    whole = judge(&file, form);
    if (whole.is_read && source_reader_init(&reader, 1 << 20, 1 << 16)) {
        Index index = choose(what, &file, &more), found = {0};
        Way way = choose_way(&choices, &whole, form);
        if (index.bytes) found = read_folder(index, &file, &reader);
        if (!(what & MADE_UP) && found.bytes)
            check_right_index(&file, &whole, &way, found);
        else if (what % 16 == 0 && index.bytes && index.n < (size_t)file.dim[0])
            differ("a right index is not found");
        free(index.bytes);
        source_reader_fini(&reader);
    }
    whole_free(&whole);
    free(file.data);
}
