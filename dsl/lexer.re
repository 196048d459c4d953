/* The lexer. lexer.c is made from lexer.re by
 *     re2c -i --no-generation-date --no-version -o lexer.c lexer.re
 * and committed, so that a build needs no re2c. */
#include "lexer.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "utf8.h"

typedef struct Lexer {
    Arena *arena;
    Diags *diags;
    const File *file;
    const char *text;       /* the file's, with a zero behind it */
    const char *limit;
    const char *cursor;
    int line, line_start;
    bool first;
    LIST(const char *) docs;
    int doc_line;           /* of the last ## line */
    TokenList tokens;
} Lexer;

static const char *const token_texts[] = {
#define TOKEN(kind, text) text,
#include "token.def"
#undef TOKEN
};

const char *token_text(TokenKind kind) { return token_texts[kind]; }

bool token_reserved(TokenKind kind) { return kind >= T_FEATURE && kind <= T_FALSE; }

static Loc span(const Lexer *lexer, const char *from, const char *to) {
    return (Loc){lexer->file, (int)(from - lexer->text), (int)(to - lexer->text)};
}

/* ---- values ---- */

/* A copy of the number without its underscores. */
static const char *digits(Lexer *lexer, const char *from, const char *to) {
    char *copy = arena_alloc(lexer->arena, (size_t)(to - from) + 1);
    int n = 0;
    for (; from < to; from++)
        if (*from != '_')
            copy[n++] = *from;
    return copy;
}

static void read_int(Lexer *lexer, Token *token, const char *from) {
    const char *number = digits(lexer, from, lexer->cursor);
    int base = number[0] == '0' && (number[1] | 32) == 'x' ? 16 : 10;
    errno = 0;
    token->integer = strtoull(number, NULL, base);
    token->text = arena_strndup(lexer->arena, from, (size_t)(lexer->cursor - from));
    if (errno == ERANGE)
        diag_at(lexer->diags, DIAG_E0204_LITERAL, span(lexer, from, lexer->cursor),
                "%s does not fit into 64 bits", token->text);
}

/* 8GiB is 8 * 2^30. */
static void read_size(Lexer *lexer, Token *token, const char *from) {
    static const char units[] = "KMGT";
    const char *unit = lexer->cursor - strlen("KiB");
    int shift = 10 * (int)(strchr(units, *unit) - units + 1);
    const char *end = lexer->cursor;
    lexer->cursor = unit;
    read_int(lexer, token, from);
    lexer->cursor = end;
    token->text = arena_strndup(lexer->arena, from, (size_t)(end - from));
    if (token->integer >> (63 - shift))
        diag_at(lexer->diags, DIAG_E0204_LITERAL, span(lexer, from, end),
                "%s does not fit into an int", token->text);
    token->integer <<= shift;
}

/* strtod rounds correctly; pipec never leaves the C locale. */
static void read_float(Lexer *lexer, Token *token, const char *from) {
    token->real = strtod(digits(lexer, from, lexer->cursor), NULL);
    token->text = arena_strndup(lexer->arena, from, (size_t)(lexer->cursor - from));
    if (isinf(token->real))
        diag_at(lexer->diags, DIAG_E0204_LITERAL, span(lexer, from, lexer->cursor),
                "%s does not fit into an f64", token->text);
}

/* \u{...}: s points at the backslash; returns what follows the escape. */
static const char *read_point(Lexer *lexer, const char *s, char *out, int *n) {
    const char *end = s + 3;
    uint32_t point = 0;
    while (*end != '}' && *end != '"' && end - s < 12) {
        int digit = *end >= '0' && *end <= '9' ? *end - '0'
                  : (*end | 32) >= 'a' && (*end | 32) <= 'f' ? (*end | 32) - 'a' + 10
                  : -1;
        if (digit < 0)
            break;
        point = point << 4 | (uint32_t)digit;
        if (point > 0x10FFFF)
            point = 0x110000;
        end++;
    }
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (*end != '}' || end == s + 3 || point > 0x10FFFF || surrogate) {
        Diag *diag = diag_at(lexer->diags, DIAG_E0001_TEXT,
                             span(lexer, s, end + (*end == '}')),
                             "this is no Unicode code point");
        diag_help(lexer->diags, diag, "write hexadecimal digits, as in `\\u{e9}`");
        return *end == '}' ? end + 1 : end;
    }
    *n += utf8_encode(point, out + *n);
    return end + 1;
}

static void bad_escape(Lexer *lexer, const char *s) {
    int n = utf8_length(s + 1, (size_t)(lexer->limit - s - 1));
    Diag *diag = diag_at(lexer->diags, DIAG_E0001_TEXT, span(lexer, s, s + 1 + n),
                         "`%.*s` is no escape", 1 + n, s);
    diag_help(lexer->diags, diag,
              "there are \\n \\t \\\" \\\\ and \\u{…}; a backslash itself is \\\\");
}

/* The bytes between the quotes; `to` is the closing quote. */
static void read_string(Lexer *lexer, Token *token, const char *from, const char *to) {
    char *out = arena_alloc(lexer->arena, (size_t)(to - from) + 1);
    int n = 0;
    for (const char *s = from; s < to;) {
        if (*s != '\\') {
            out[n++] = *s++;
            continue;
        }
        switch (s[1]) {
        case 'n': out[n++] = '\n'; s += 2; break;
        case 't': out[n++] = '\t'; s += 2; break;
        case '"': out[n++] = '"'; s += 2; break;
        case '\\': out[n++] = '\\'; s += 2; break;
        case 'u':
            if (s[2] == '{') {
                s = read_point(lexer, s, out, &n);
                break;
            }
            /* fall through */
        default: bad_escape(lexer, s); s += 2; break;
        }
    }
    token->text = out;
    token->length = (size_t)n;
}

/* ---- trouble ---- */

static void bad_character(Lexer *lexer, const char *from) {
    static const struct { char character; const char *help; } hints[] = {
        {'\'', "strings stand in double quotes"},
        {';', "a line ends a statement; no `;` is needed"},
        {'&', "write `and`, or bitand(a, b)"},
        {'|', "write `or`, `|>`, or bitor(a, b)"},
        {'^', "write bitxor(a, b) or pow(a, b)"},
        {'~', "write bitxor(a, -1)"},
    };
    int n = utf8_length(from, (size_t)(lexer->limit - from));
    if (n == 0)
        return;     /* reported by check_utf8 */
    bool visible = n > 1 || ((unsigned char)*from > ' ' && *from != 127);
    Loc loc = span(lexer, from, from + n);
    Diag *diag =
        visible ? diag_at(lexer->diags, DIAG_E0001_TEXT, loc,
                          "`%.*s` has no meaning here", n, from)
                : diag_at(lexer->diags, DIAG_E0001_TEXT, loc,
                          "a control character (0x%02x)", (unsigned char)*from);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (hints[i].character == *from)
            diag_help(lexer->diags, diag, "%s", hints[i].help);
    lexer->cursor = from + n;
}

static void unclosed_string(Lexer *lexer, const char *from) {
    Diag *diag = diag_at(lexer->diags, DIAG_E0001_TEXT,
                         span(lexer, from, lexer->cursor), "a string without its end");
    diag_help(lexer->diags, diag, "add `\"`; a string ends on its line, and `\\n` "
                                  "stands for a newline");
}

static void bad_number(Lexer *lexer, const char *from) {
    diag_at(lexer->diags, DIAG_E0001_TEXT, span(lexer, from, lexer->cursor),
            "`%.*s` is neither a number nor a name", (int)(lexer->cursor - from), from);
}

static void bad_operator(Lexer *lexer, const char *from, const char *word) {
    Diag *diag = diag_at(lexer->diags, DIAG_E0001_TEXT,
                         span(lexer, from, lexer->cursor),
                         "there is no `%.*s`", (int)(lexer->cursor - from), from);
    diag_help(lexer->diags, diag, "write `%s`", word);
}

/* Reports each run of bytes that is no UTF-8. */
static void check_utf8(Lexer *lexer) {
    for (const char *s = lexer->text; s < lexer->limit;) {
        int n = utf8_length(s, (size_t)(lexer->limit - s));
        if (n) {
            s += n;
            continue;
        }
        const char *from = s;
        while (s < lexer->limit && !utf8_length(s, (size_t)(lexer->limit - s)))
            s++;
        diag_at(lexer->diags, DIAG_E0001_TEXT, span(lexer, from, s),
                "the text is not UTF-8 here (byte 0x%02x)", (unsigned char)*from);
    }
}

/* ---- lines and documentation ---- */

static void new_line(Lexer *lexer) {
    lexer->line++;
    lexer->line_start = (int)(lexer->cursor - lexer->text);
    lexer->first = true;
}

/* `## text` on a line of its own. */
static void add_doc(Lexer *lexer, const char *from) {
    if (!lexer->first)
        return;
    if (lexer->doc_line != lexer->line - 1)
        lexer->docs.n = 0;
    from += 2;
    if (*from == ' ')
        from++;
    const char *line = arena_strndup(lexer->arena, from, (size_t)(lexer->cursor - from));
    list_push(lexer->arena, &lexer->docs, line);
    lexer->doc_line = lexer->line;
}

/* The doc lines, joined, if they end on the line above. */
static const char *take_docs(Lexer *lexer) {
    int n = lexer->doc_line == lexer->line - 1 ? lexer->docs.n : 0;
    lexer->docs.n = 0;
    if (n == 0)
        return NULL;
    size_t length = 0;
    for (int i = 0; i < n; i++)
        length += strlen(lexer->docs.at[i]) + 1;
    char *all = arena_alloc(lexer->arena, length), *end = all;
    for (int i = 0; i < n; i++) {
        if (i)
            *end++ = '\n';
        end = stpcpy(end, lexer->docs.at[i]);
    }
    return all;
}

/* ---- tokens ---- */

/* Reads past blanks and comments to the next token; fills in its value. */
static TokenKind scan(Lexer *lexer, Token *token) {
    const char *from, *YYMARKER;
next:
    from = lexer->cursor;
    token->from = (int)(from - lexer->text);
    /*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = lexer->cursor;
    re2c:define:YYLIMIT = lexer->limit;
    re2c:yyfill:enable = 0;
    re2c:eof = 0;

    digits   = [0-9] ("_"? [0-9])*;
    hex      = "0" [xX] [0-9a-fA-F] ("_"? [0-9a-fA-F])*;
    exponent = [eE] [+-]? digits;
    float    = digits? "." digits exponent? | digits exponent;
    letter   = [a-zA-Z_];
    name     = letter (letter | [0-9])*;
    inside   = [^"\\\r\n\x00] | "\\" [^\r\n\x00];

    $                     { return T_END; }
    [ \t]+                { goto next; }
    "\r"? "\n"            { new_line(lexer); goto next; }
    "##" [^\r\n\x00]*     { add_doc(lexer, from); goto next; }
    "#" [^\r\n\x00]*      { goto next; }

    "feature"             { return T_FEATURE; }
    "fn"                  { return T_FN; }
    "kernel"              { return T_KERNEL; }
    "import"              { return T_IMPORT; }
    "const"               { return T_CONST; }
    "type"                { return T_TYPE; }
    "if"                  { return T_IF; }
    "then"                { return T_THEN; }
    "else"                { return T_ELSE; }
    "for"                 { return T_FOR; }
    "in"                  { return T_IN; }
    "where"               { return T_WHERE; }
    "fold"                { return T_FOLD; }
    "scan"                { return T_SCAN; }
    "until"               { return T_UNTIL; }
    "is"                  { return T_IS; }
    "and"                 { return T_AND; }
    "or"                  { return T_OR; }
    "not"                 { return T_NOT; }
    "true"                { return T_TRUE; }
    "false"               { return T_FALSE; }
    name                  { return T_NAME; }

    digits | hex          { read_int(lexer, token, from); return T_INT; }
    digits [KMGT] "iB"    { read_size(lexer, token, from); return T_INT; }
    float                 { read_float(lexer, token, from); return T_FLOAT; }
    (digits | hex | float) letter (letter | [0-9])*
                          { bad_number(lexer, from); return T_BAD; }

    ["] inside* ["]       { read_string(lexer, token, from + 1, lexer->cursor - 1);
                            return T_STRING; }
    ["] inside* "\\"?     { unclosed_string(lexer, from); return T_BAD; }

    "("                   { return T_LPAREN; }
    ")"                   { return T_RPAREN; }
    "["                   { return T_LBRACKET; }
    "]"                   { return T_RBRACKET; }
    "{"                   { return T_LBRACE; }
    "}"                   { return T_RBRACE; }
    ","                   { return T_COMMA; }
    ":"                   { return T_COLON; }
    "."                   { return T_DOT; }
    ".."                  { return T_DOTDOT; }
    "..."                 { return T_ELLIPSIS; }
    "?"                   { return T_QUESTION; }
    "@"                   { return T_AT; }
    "="                   { return T_ASSIGN; }
    "->"                  { return T_ARROW; }
    "=>"                  { return T_FATARROW; }
    "|>"                  { return T_PIPE; }
    "=="                  { return T_EQ; }
    "!="                  { return T_NE; }
    "<"                   { return T_LT; }
    "<="                  { return T_LE; }
    ">"                   { return T_GT; }
    ">="                  { return T_GE; }
    "+"                   { return T_PLUS; }
    "-"                   { return T_MINUS; }
    "*"                   { return T_STAR; }
    "/"                   { return T_SLASH; }
    "//"                  { return T_SLASHSLASH; }
    "%"                   { return T_PERCENT; }

    "&&"                  { bad_operator(lexer, from, "and"); return T_AND; }
    "||"                  { bad_operator(lexer, from, "or"); return T_OR; }
    "!"                   { bad_operator(lexer, from, "not"); return T_NOT; }
    "**"                  { bad_operator(lexer, from, "pow(a, b)"); return T_STAR; }
    *                     { bad_character(lexer, from); return T_BAD; }
    */
}

static Token read_token(Lexer *lexer) {
    Token token = {0};
    token.kind = scan(lexer, &token);
    token.to = (int)(lexer->cursor - lexer->text);
    token.column = token.from - lexer->line_start;
    token.first = lexer->first;
    if (lexer->first)
        token.doc = take_docs(lexer);
    lexer->first = false;
    if (token.kind == T_NAME || token_reserved(token.kind))
        token.text = arena_strndup(lexer->arena, lexer->text + token.from,
                                   (size_t)(token.to - token.from));
    return token;
}

/* The end is a place right behind the last token, where a caret can stand. */
static void place_end(TokenList *tokens) {
    Token *end = &tokens->at[tokens->n - 1];
    if (tokens->n > 1)
        end->from = tokens->at[tokens->n - 2].to;
    end->to = end->from;
    end->first = true;
    end->column = 0;
}

TokenList lex_file(Arena *arena, Diags *diags, const File *file) {
    Lexer lexer = {.arena = arena, .diags = diags, .file = file};
    lexer.text = arena_strndup(arena, file->text, file->size);
    lexer.limit = lexer.text + file->size;
    lexer.cursor = lexer.text;
    lexer.first = true;
    lexer.doc_line = -1;
    if (file->size >= 3 && !memcmp(lexer.text, "\xEF\xBB\xBF", 3)) {
        lexer.cursor += 3;
        lexer.line_start = 3;
    }
    check_utf8(&lexer);
    do
        list_push(arena, &lexer.tokens, read_token(&lexer));
    while (lexer.tokens.at[lexer.tokens.n - 1].kind != T_END);
    place_end(&lexer.tokens);
    return lexer.tokens;
}
