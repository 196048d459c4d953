/* Values as files: NumPy's format 1.0, and PNG for pictures. */
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "eval_room.h"

static const char *const descr[] = {
    [PL_BOOL] = "|b1", [PL_U8] = "|u1",  [PL_I8] = "|i1",  [PL_U16] = "<u2",
    [PL_I16] = "<i2",  [PL_U32] = "<u4", [PL_I32] = "<i4", [PL_U64] = "<u8",
    [PL_I64] = "<i8",  [PL_F16] = "<f2", [PL_BF16] = "<f4", [PL_F32] = "<f4",
    [PL_F64] = "<f8",
};

/* The header's length is a multiple of 64. A shape of one dimension has a comma. */
static void put_header(FILE *to, const Type *type, Value value) {
    char text[512];
    int n = snprintf(text, sizeof text,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     descr[type->dtype]);
    for (int k = 0; k < type->rank; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%lld,%s",
                      (long long)tensor_dim(value.t, k).v.i,
                      k + 1 < type->rank ? " " : "");
    n += snprintf(text + n, sizeof text - (size_t)n, "), }");
    while ((n + 1 + 10) % 64) text[n++] = ' ';
    text[n++] = '\n';
    fwrite("\x93NUMPY\x01\x00", 1, 8, to);
    putc(n & 255, to);
    putc(n >> 8, to);
    fwrite(text, 1, (size_t)n, to);
}

static void put_number(FILE *to, pl_dtype d, Number n) {
    pl_dtype as = d == PL_BF16 ? PL_F32 : d;
    char bytes[8];
    scalar_store(as, scalar_canonical(as, n), bytes);
    fwrite(bytes, (size_t)dtype_size(as), 1, to);
}

static bool finished(FILE *to) {
    bool good = !ferror(to);
    return fclose(to) == 0 && good;
}

static bool write_npy(const char *path, const Type *type, Value value) {
    FILE *to = fopen(path, "wb");
    if (!to) return false;
    put_header(to, type, value);
    if (type->rank == 0) put_number(to, type->dtype, value.s.v);
    for (int64_t p = 0; type->rank && p < value.t->count; p++)
        put_number(to, type->dtype, tensor_element(value.t, p).v);
    return finished(to);
}

/* ---- pictures: u8[h, w, 3], u8[h, w, 1], u8[h, w] ---- */

static bool is_picture(const Type *type, Value value, int64_t *channels) {
    *channels = type->rank == 3 ? tensor_dim(value.t, 2).v.i : 1;
    return type->dtype == PL_U8 && (type->rank == 2 || type->rank == 3) &&
           (*channels == 1 || *channels == 3) && value.t->count > 0;
}

static bool write_png(const char *path, Value value, int64_t channels) {
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)tensor_dim(value.t, 1).v.i,
                       .height = (png_uint_32)tensor_dim(value.t, 0).v.i,
                       .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    errno = 0;
    if (png_image_write_to_file(&image, path, 0, value.t->data, 0, NULL)) return true;
    if (!errno) errno = EIO;
    return false;
}

static bool make_folder(const char *path) {
    char *part = strdup(path);
    bool good = part != NULL;
    for (size_t i = 1; good && i <= strlen(path); i++) {
        if (path[i] && path[i] != '/') continue;
        memcpy(part, path, i);
        part[i] = 0;
        good = !mkdir(part, 0777) || errno == EEXIST;
    }
    free(part);
    return good;
}

bool write_value_files(const char *folder, const char *name, const Type *type,
                       Value value) {
    char path[4096];
    int64_t channels = 0;
    if (!make_folder(folder)) return false;
    if (snprintf(path, sizeof path, "%s/%s.npy", folder, name) >= (int)sizeof path)
        return errno = ENAMETOOLONG, false;
    if (!write_npy(path, type, value)) return false;
    if (type->rank == 0 || !is_picture(type, value, &channels)) return true;
    strcpy(path + strlen(path) - 3, "png");
    return write_png(path, value, channels);
}
