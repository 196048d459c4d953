/* Any file, any windows of it, in any form. */
#include "fuzz.h"

enum { WINDOWS = 3 };

void fuzz_window(Input *in) {
    static const int pixels[] = {3, 4, 3, 1}, scales[] = {1, 1, 1, 1, 1, 2, 4, 8};
    int how = take(in);
    Form form = {pixels[how & 3], scales[how >> 2 & 7]};
    Input choices = {in->at, in->at + 5 * WINDOWS};
    Whole whole;
    pk_tensor file;
    if (in->end - in->at < 5 * WINDOWS) return;
    in->at = choices.end;
    file = copy_file(in->at, (size_t)(in->end - in->at));
    whole = judge(&file, form);
    if (whole.is_refused) compare_refusal("what libjpeg refuses", &file, form);
    for (int i = 0; i < WINDOWS && whole.is_read; i++) {
        Way way = choose_way(&choices, &whole, form);
        Result got = decode(&file, &way);
        compare("a window and libjpeg's whole", &whole, &way, &got);
        free(got.pixels);
    }
    whole_free(&whole);
    free(file.data);
}
