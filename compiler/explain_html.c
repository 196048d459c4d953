/* One page that needs nothing else: where the time goes, the feature as written and as it
 * is made, numbers where one points, and what was decided. */
#include <stdio.h>
#include <string.h>
#include "cost_profile.h"
#include "explain.h"

enum { WIDE = 560, HIGH = 44, GAP = 18, LEFT = 150, BAR = 120 };    /* of boxes, pixels */
enum { TIME_WIDE = 1120, TIME_HIGH = 34 };
enum { LETTER = 8, PERCENT = 5 * LETTER };      /* room for text */

static void put_escaped(FILE *out, const char *s) {
    for (; *s; s++) {
        if (*s == '<') fputs("&lt;", out);
        else if (*s == '>') fputs("&gt;", out);
        else if (*s == '&') fputs("&amp;", out);
        else if (*s == '"') fputs("&quot;", out);
        else fputc(*s, out);
    }
}

/* ---- where the time goes: one bar ---- */

static const char *const colors[] = {"#d2691e", "#4f7cac", "#5b9a68", "#b8860b",
                                     "#8e6c8a", "#c05a5a", "#6b8e9f", "#9a9a4f"};
enum { COLORS = sizeof colors / sizeof *colors };

static void put_share(FILE *out, const Share *share, int i, double x) {
    double wide = share->part * TIME_WIDE;
    fputs("<g><title>", out);
    put_escaped(out, share->name);
    if (share->line) fprintf(out, ", line %d", share->line);
    fprintf(out, ": %.0f ns, %.1f %% of the time</title>", share->ns, 100 * share->part);
    fprintf(out, "<rect class=\"share\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"%d\" "
            "fill=\"%s\"/>", x, wide, TIME_HIGH, colors[i % COLORS]);
    if (wide > PERCENT) {
        fprintf(out, "<text class=\"in\" x=\"%.1f\" y=\"%d\">", x + 6, TIME_HIGH / 2 + 5);
        if (wide > PERCENT + LETTER * (double)(strlen(share->name) + 1)) {
            put_escaped(out, share->name);
            fputc(' ', out);
        }
        fprintf(out, "%.0f %%</text>", 100 * share->part);
    }
    fputs("</g>\n", out);
}

static void put_time(const Story *s, FILE *out) {
    double x = 0;
    if (!s->shares.n) return;
    fprintf(out, "<h2>Where the time of a record goes</h2>\n"
            "<svg width=\"%d\" height=\"%d\">\n", TIME_WIDE, TIME_HIGH);
    for (int i = 0; i < s->shares.n; i++) {
        put_share(out, &s->shares.at[i], i, x);
        x += s->shares.at[i].part * TIME_WIDE;
    }
    fputs("</svg>\n", out);
}

/* ---- boxes ---- */

static int top_of(int i) { return GAP + i * (HIGH + GAP); }

/* A straight line to the next box, an arc at the left to others. */
static void put_edge(FILE *out, int from, int to) {
    int y0 = top_of(from) + HIGH, y1 = top_of(to), far = to - from < 6 ? to - from : 6;
    int x;
    if (to == from + 1) {
        fprintf(out, "<path d=\"M%d %dV%d\"/>\n", LEFT + 60, y0, y1 - 6);
        return;
    }
    y0 = top_of(from) + HIGH / 2;
    y1 = top_of(to) + HIGH / 2;
    x = LEFT - 20 - 18 * far;
    fprintf(out, "<path d=\"M%d %dC%d %d %d %d %d %d\"/>\n", LEFT, y0, x, y0, x, y1,
            LEFT - 6, y1);
}

/* Time at the right: a bar of its part, the number below it. */
static void put_numbers(FILE *out, const Box *b, int y) {
    int x = WIDE - BAR - 10;
    if (b->part >= 0)
        fprintf(out, "<rect class=\"room\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"8\"/>"
                "<rect class=\"bar\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"8\"/>\n",
                x, y + 8, BAR, x, y + 8, b->part * BAR);
    if (b->ns < 0) return;
    fprintf(out, "<text class=\"what\" x=\"%d\" y=\"%d\">%.0f ns", x, y + 33, b->ns);
    if (b->part >= 0) fprintf(out, ", %.1f %%", 100 * b->part);
    fputs("</text>\n", out);
}

static void put_box(FILE *out, const Box *b, int i) {
    int y = top_of(i);
    fprintf(out, "<g class=\"box%s%s\"><title>", b->kept ? " kept" : "",
            b->dead ? " dead" : "");
    put_escaped(out, b->more);
    fprintf(out, "</title><rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" "
            "height=\"%d\" rx=\"6\"/>\n", LEFT, y, WIDE - LEFT, HIGH);
    put_numbers(out, b, y);
    fprintf(out, "<text x=\"%d\" y=\"%d\"><tspan class=\"name\">", LEFT + 10, y + 18);
    put_escaped(out, b->name);
    fputs("</tspan>", out);
    if (b->line) fprintf(out, "<tspan class=\"line\"> line %d</tspan>", b->line);
    fprintf(out, "</text><text class=\"what\" x=\"%d\" y=\"%d\">", LEFT + 10, y + 35);
    put_escaped(out, b->what);
    if (b->kept) fputs(*b->what ? ", kept from epoch to epoch" : "kept", out);
    fputs("</text></g>\n", out);
}

static void put_picture(FILE *out, const char *head, const Boxes *boxes) {
    fputs("<section><h2>", out);
    put_escaped(out, head);
    fprintf(out, "</h2>\n<svg width=\"%d\" height=\"%d\">\n", WIDE + 10,
            top_of(boxes->n) + GAP);
    for (int i = 0; i < boxes->n; i++)
        for (int k = 0; k < boxes->at[i].reads.n; k++)
            put_edge(out, boxes->at[i].reads.at[k], i);
    for (int i = 0; i < boxes->n; i++) put_box(out, &boxes->at[i], i);
    fputs("</svg></section>\n", out);
}

static void put_pictures(const Story *s, FILE *out) {
    Boxes before = boxes_written(s), after = boxes_made(s);
    put_picture(out, "As written", &before);
    for (int i = 0; i < s->moved.n; i++) {
        Boxes moved = boxes_moved(s, &s->moved.at[i]);
        put_picture(out, arena_format(s->arena, "%s as reordered",
                                      s->moved.at[i].chain->field), &moved);
    }
    put_picture(out, "As made", &after);
}

/* ---- the page ---- */

static const char style[] =
    "body{font:15px/1.4 sans-serif;margin:2em;color:#222}h1{font-size:1.4em}"
    "h2{font-size:1.1em}main{display:flex;gap:3em;flex-wrap:wrap}"
    ".frame{fill:#eef3fa;stroke:#8aa4c8}.box:hover .frame{fill:#dce8f8}"
    ".kept .frame{fill:#fdf3dc;stroke:#b8860b;stroke-width:2}"
    ".dead .frame{fill:#f4f4f4;stroke:#aaa;stroke-dasharray:4}"
    ".room{fill:#fff;stroke:#ccd}.bar{fill:#d2691e}.share:hover{opacity:.8}"
    ".in{fill:#fff}svg>path{fill:none;stroke:#667;marker-end:url(#to)}"
    ".name{font-weight:bold}text{font-size:13px}.line,.what{fill:#667;font-size:11.5px}"
    "td{padding:.15em .8em .15em 0;vertical-align:top}td:first-child{color:#667}";

static const char arrow[] =
    "<svg width=\"0\" height=\"0\" style=\"position:absolute\"><defs><marker id=\"to\" "
    "viewBox=\"0 0 6 6\" refX=\"1\" refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" "
    "orient=\"auto\"><path d=\"M0 0L6 3L0 6z\"/></marker></defs></svg>\n";

static void put_said(const Story *s, FILE *out) {
    if (!s->said.n) return;
    fputs("<h2>What was decided</h2>\n<table>\n", out);
    for (int i = 0; i < s->said.n; i++) {
        const char *about = s->said.at[i].about;
        fprintf(out, "<tr><td>%.*s</td><td>", (int)strcspn(about, ":"), about);
        put_escaped(out, s->said.at[i].text);
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

void explain_html(const Story *s, FILE *out) {
    const CostProfile *p = s->graph->profile;
    const char *name = s->graph->name;
    fprintf(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            "<title>%s</title><style>%s</style></head><body>\n%s<h1>feature %s</h1>\n",
            name, style, arrow, name);
    if (p && p->record_ns > 0)
        fprintf(out, "<p>A record takes %.0f ns of a thread. Predicted: %.0f records/s; "
                "what holds it back: %s.</p>\n", p->worker_ns, s->plan->rate,
                s->plan->bottleneck);
    else
        fputs("<p>Not measured: <code>pipert profile F.so -o P.yaml</code>, then "
              "<code>--use-profile P.yaml</code>.</p>\n", out);
    put_time(s, out);
    fputs("<main>\n", out);
    put_pictures(s, out);
    fputs("</main>\n", out);
    put_said(s, out);
    fputs("</body></html>\n", out);
}
