/* Operations that not every CPU or C compiler has, written in loop IR so that
 * both back ends share one definition: fma in one rounding, random words
 * (Philox4x32-10), memory of a record. */
#include <stddef.h>
#include <string.h>
#include "../dsl/diag.h"
#include "../runtime/plan.h"
#include "loops_rules.h"

_Static_assert(offsetof(pl_call, kernel.at) == 0 && offsetof(pl_call, kernel.end) == 8 &&
                   offsetof(pl_call, kernel.more) == 16,
               "pipec_alloc reads them");

/* f32: the product is exact in f64; the sum is rounded to odd there, after
 * which the rounding to f32 is the only one that shows. */
static const char fma_f32[] =
    "function pipec_fma_f32(%x f32, %y f32, %z f32) -> f32 {\n"
    "  %a = fpext f64 %x\n"
    "  %b = fpext f64 %y\n"
    "  %c = fpext f64 %z\n"
    "  %p = fmul f64 %a, %b\n"
    "  %s = fadd f64 %p, %c\n"
    "  %c1 = fsub f64 %s, %p            # the error of the sum (Knuth)\n"
    "  %p1 = fsub f64 %s, %c1\n"
    "  %ep = fsub f64 %p, %p1\n"
    "  %ec = fsub f64 %c, %c1\n"
    "  %e = fadd f64 %ep, %ec\n"
    "  %below = flt i1 %e, 0\n"
    "  %above = flt i1 0, %e            # both false for NaN\n"
    "  %inexact = or i1 %below, %above\n"
    "  %bits = bitcast i64 %s\n"
    "  %last = and i64 %bits, 1\n"
    "  %even = eq i1 %last, 0\n"
    "  %fix = and i1 %even, %inexact\n"
    "  %negative = slt i1 %bits, 0\n"
    "  %inward = xor i1 %below, %negative\n"
    "  %step = select i64 %inward, -1, 1\n"
    "  %add = select i64 %fix, %step, 0\n"
    "  %odd = add i64 %bits, %add\n"
    "  %t = bitcast f64 %odd\n"
    "  %r = fptrunc f32 %t\n"
    "  return %r\n"
    "}\n";

/* A finite nonzero f64 is mantissa * 2^(exponent - 1075), 2^52 <= mantissa < 2^53. */
static const char fma_f64_parts[] =
    "function pipec_exponent(%x f64) -> i64 {\n"
    "  %b = bitcast i64 %x\n"
    "  %b1 = lshr i64 %b, 52\n"
    "  %e = and i64 %b1, 2047\n"
    "  %tiny = eq i1 %e, 0\n"
    "  %x1 = fmul f64 %x, 18014398509481984\n"
    "  %c = bitcast i64 %x1\n"
    "  %c1 = lshr i64 %c, 52\n"
    "  %c2 = and i64 %c1, 2047\n"
    "  %c3 = sub i64 %c2, 54\n"
    "  %r = select i64 %tiny, %c3, %e\n"
    "  return %r\n"
    "}\n"
    "function pipec_mantissa(%x f64) -> i64 {\n"
    "  %b = bitcast i64 %x\n"
    "  %b1 = and i64 %b, 0x7ff0000000000000\n"
    "  %tiny = eq i1 %b1, 0\n"
    "  %x1 = fmul f64 %x, 18014398509481984\n"
    "  %x2 = select f64 %tiny, %x1, %x\n"
    "  %c = bitcast i64 %x2\n"
    "  %c1 = and i64 %c, 0x000fffffffffffff\n"
    "  %r = or i64 %c1, 0x0010000000000000\n"
    "  return %r\n"
    "}\n";

/* f64: product (106 bits) and addend in 128 bits, the smaller one shifted with
 * a sticky last bit, then one rounding of the normalised sum. */
static const char fma_f64[] =
    "function pipec_fma_f64(%x f64, %y f64, %z f64) -> f64 noinline {\n"
    "  %xb = bitcast i64 %x\n"
    "  %yb = bitcast i64 %y\n"
    "  %zb = bitcast i64 %z\n"
    "  %xa = and i64 %xb, 0x7fffffffffffffff\n"
    "  %ya = and i64 %yb, 0x7fffffffffffffff\n"
    "  %za = and i64 %zb, 0x7fffffffffffffff\n"
    "  %x1 = sub i64 %xa, 1             # unsigned: 0 becomes the largest\n"
    "  %y1 = sub i64 %ya, 1\n"
    "  %xo = ult i1 %x1, 0x7fefffffffffffff\n"
    "  %yo = ult i1 %y1, 0x7fefffffffffffff\n"
    "  %o = and i1 %xo, %yo\n"
    "  if %o {} else {\n"
    "    %m = fmul f64 %x, %y\n"
    "    %m1 = fadd f64 %m, %z\n"
    "    return %m1\n"
    "  }\n"
    "  %zo = ult i1 %za, 0x7ff0000000000000\n"
    "  if %zo {} else { return %z }\n"
    "  %z0 = eq i1 %za, 0\n"
    "  if %z0 {\n"
    "    %m2 = fmul f64 %x, %y\n"
    "    return %m2\n"
    "  }\n"
    "  %ex = call i64 @pipec_exponent(%x)\n"
    "  %ey = call i64 @pipec_exponent(%y)\n"
    "  %ez = call i64 @pipec_exponent(%z)\n"
    "  %mx = call i64 @pipec_mantissa(%x)\n"
    "  %my = call i64 @pipec_mantissa(%y)\n"
    "  %mz = call i64 @pipec_mantissa(%z)\n"
    "  %pl = mul i64 %mx, %my\n"
    "  %ph = mulhi i64 %mx, %my\n"
    "  %ph1 = shl i64 %ph, 20\n"
    "  %pl1 = lshr i64 %pl, 44\n"
    "  %p_hi = or i64 %ph1, %pl1        # product = p * 2^(ex + ey - 2170)\n"
    "  %p_lo = shl i64 %pl, 20\n"
    "  %z_hi = shl i64 %mz, 8           # addend = z * 2^(ez - 1147)\n"
    "  %e0 = add i64 %ex, %ey\n"
    "  %pe = sub i64 %e0, 2170\n"
    "  %ze = sub i64 %ez, 1147\n"
    "  %d = sub i64 %pe, %ze\n"
    "  %ps = xor i64 %xb, %yb\n"
    "  %p_big = sle i1 0, %d\n"
    "  %big_hi = select i64 %p_big, %p_hi, %z_hi\n"
    "  %big_lo = select i64 %p_big, %p_lo, 0\n"
    "  %big_sign = select i64 %p_big, %ps, %zb\n"
    "  %small_hi = select i64 %p_big, %z_hi, %p_hi\n"
    "  %small_lo = select i64 %p_big, 0, %p_lo\n"
    "  %be = select i64 %p_big, %pe, %ze\n"
    "  %dn = sub i64 0, %d\n"
    "  %n = select i64 %p_big, %d, %dn\n"
    "  %sh = var i64 %small_hi\n"
    "  %sl = var i64 %small_lo\n"
    "  %far = sle i1 128, %n\n"
    "  if %far {\n"
    "    set %sh, 0\n"
    "    set %sl, 1\n"
    "  } else {\n"
    "    %one = sle i1 64, %n\n"
    "    if %one {\n"
    "      %n1 = sub i64 %n, 64\n"
    "      %n2 = sub i64 64, %n1\n"
    "      %n3 = and i64 %n2, 63\n"
    "      %w = shl i64 %small_hi, %n3\n"
    "      %whole = eq i1 %n1, 0\n"
    "      %w1 = select i64 %whole, 0, %w\n"
    "      %w2 = or i64 %w1, %small_lo\n"
    "      %w3 = ne i1 %w2, 0\n"
    "      %w4 = zext i64 %w3\n"
    "      %w5 = lshr i64 %small_hi, %n1\n"
    "      %w6 = or i64 %w5, %w4\n"
    "      set %sl, %w6\n"
    "      set %sh, 0\n"
    "    } else {\n"
    "      %some = slt i1 0, %n\n"
    "      if %some {\n"
    "        %u = sub i64 64, %n\n"
    "        %u1 = shl i64 %small_lo, %u\n"
    "        %u2 = ne i1 %u1, 0\n"
    "        %u3 = zext i64 %u2\n"
    "        %u4 = lshr i64 %small_lo, %n\n"
    "        %u5 = shl i64 %small_hi, %u\n"
    "        %u6 = or i64 %u4, %u5\n"
    "        %u7 = or i64 %u6, %u3\n"
    "        %u8 = lshr i64 %small_hi, %n\n"
    "        set %sl, %u7\n"
    "        set %sh, %u8\n"
    "      }\n"
    "    }\n"
    "  }\n"
    "  %s_hi = get i64 %sh\n"
    "  %s_lo = get i64 %sl\n"
    "  %rh = var i64 0\n"
    "  %rl = var i64 0\n"
    "  %sign = var i64 %big_sign\n"
    "  %ds = xor i64 %ps, %zb\n"
    "  %same = sle i1 0, %ds\n"
    "  if %same {\n"
    "    %a = add i64 %big_lo, %s_lo\n"
    "    %a1 = ult i1 %a, %s_lo\n"
    "    %a2 = zext i64 %a1\n"
    "    %a3 = add i64 %big_hi, %s_hi\n"
    "    %a4 = add i64 %a3, %a2\n"
    "    set %rl, %a\n"
    "    set %rh, %a4\n"
    "  } else {\n"
    "    %b = sub i64 %big_lo, %s_lo\n"
    "    %b1 = ult i1 %big_lo, %s_lo\n"
    "    %b2 = zext i64 %b1\n"
    "    %b3 = sub i64 %big_hi, %s_hi\n"
    "    %b4 = sub i64 %b3, %b2\n"
    "    %b5 = or i64 %b, %b4\n"
    "    %zero = eq i1 %b5, 0\n"
    "    if %zero { return 0 }\n"
    "    %back = slt i1 %b4, 0\n"
    "    if %back {\n"
    "      %g = sub i64 0, %b\n"
    "      %g1 = xor i64 %b4, -1\n"
    "      %g2 = eq i1 %b, 0\n"
    "      %g3 = zext i64 %g2\n"
    "      %g4 = add i64 %g1, %g3\n"
    "      %g5 = xor i64 %big_sign, -1\n"
    "      set %rl, %g\n"
    "      set %rh, %g4\n"
    "      set %sign, %g5\n"
    "    } else {\n"
    "      set %rl, %b\n"
    "      set %rh, %b4\n"
    "    }\n"
    "  }\n"
    "  %e = var i64 %be                 # now to 2^127 <= r < 2^128\n"
    "  %h0 = get i64 %rh\n"
    "  %h1 = eq i1 %h0, 0\n"
    "  if %h1 {\n"
    "    %l0 = get i64 %rl\n"
    "    set %rh, %l0\n"
    "    set %rl, 0\n"
    "    %l1 = sub i64 %be, 64\n"
    "    set %e, %l1\n"
    "  }\n"
    "  for %k i64 = 0 to 6 step 1 {\n"
    "    %k1 = lshr i64 32, %k\n"
    "    %k2 = sub i64 64, %k1\n"
    "    %h = get i64 %rh\n"
    "    %h2 = lshr i64 %h, %k2\n"
    "    %h3 = eq i1 %h2, 0\n"
    "    if %h3 {\n"
    "      %l = get i64 %rl\n"
    "      %l2 = lshr i64 %l, %k2\n"
    "      %l3 = shl i64 %h, %k1\n"
    "      %l4 = or i64 %l2, %l3\n"
    "      %l5 = shl i64 %l, %k1\n"
    "      %l6 = get i64 %e\n"
    "      %l7 = sub i64 %l6, %k1\n"
    "      set %rh, %l4\n"
    "      set %rl, %l5\n"
    "      set %e, %l7\n"
    "    }\n"
    "  }\n"
    "  %top = get i64 %rh\n"
    "  %rest = get i64 %rl\n"
    "  %q = ne i1 %rest, 0\n"
    "  %q1 = and i64 %top, 3\n"
    "  %q2 = ne i1 %q1, 0\n"
    "  %q3 = or i1 %q, %q2\n"
    "  %q4 = zext i64 %q3\n"
    "  %q5 = lshr i64 %top, 2\n"
    "  %t = or i64 %q5, %q4             # 62 bits, the last one sticky\n"
    "  %e1 = get i64 %e\n"
    "  %biased = add i64 %e1, 1150\n"
    "  %under = sub i64 1, %biased\n"
    "  %under1 = smax i64 %under, 0\n"
    "  %shift = add i64 %under1, 9\n"
    "  %shift1 = smin i64 %shift, 63\n"
    "  %half = sub i64 %shift1, 1\n"
    "  %unit = shl i64 1, %half\n"
    "  %m3 = lshr i64 %t, %shift1\n"
    "  %m4 = shl i64 %m3, %shift1\n"
    "  %r0 = sub i64 %t, %m4\n"
    "  %up = ult i1 %unit, %r0\n"
    "  %tie = eq i1 %r0, %unit\n"
    "  %odd = trunc i1 %m3\n"
    "  %up1 = and i1 %tie, %odd\n"
    "  %up2 = or i1 %up, %up1\n"
    "  %up3 = zext i64 %up2\n"
    "  %m5 = add i64 %m3, %up3\n"
    "  %f = smax i64 %biased, 1\n"
    "  %f1 = sub i64 %f, 1\n"
    "  %f2 = shl i64 %f1, 52\n"
    "  %f3 = add i64 %f2, %m5           # the carry goes where it should\n"
    "  %over = slt i1 2046, %biased\n"
    "  %f4 = select i64 %over, 0x7ff0000000000000, %f3\n"
    "  %s = get i64 %sign\n"
    "  %s1 = and i64 %s, 0x8000000000000000\n"
    "  %f5 = or i64 %f4, %s1\n"
    "  %r = bitcast f64 %f5\n"
    "  return %r\n"
    "}\n";

/* Ten rounds over the counter (id low, id high, site, block); the key's halves
 * grow by constants. Words are kept in i64 for the products. */
#define PHILOX_ROUNDS                                                             \
    "  %m = const i64 0xffffffff\n"                                               \
    "  %v0 = and i64 %id, %m\n"                                                   \
    "  %v1 = lshr i64 %id, 32\n"                                                  \
    "  %v2 = zext i64 %site\n"                                                    \
    "  %v3 = and i64 %block, %m\n"                                                \
    "  %k0 = and i64 %key, %m\n"                                                  \
    "  %k1 = lshr i64 %key, 32\n"                                                 \
    "  %c0 = var i64 %v0\n"                                                       \
    "  %c1 = var i64 %v1\n"                                                       \
    "  %c2 = var i64 %v2\n"                                                       \
    "  %c3 = var i64 %v3\n"                                                       \
    "  for %i i64 = 0 to 10 step 1 unroll 10 {\n"                                 \
    "    %a0 = get i64 %c0\n"                                                     \
    "    %a1 = get i64 %c1\n"                                                     \
    "    %a2 = get i64 %c2\n"                                                     \
    "    %a3 = get i64 %c3\n"                                                     \
    "    %p0 = mul i64 %a0, 0xD2511F53\n"                                         \
    "    %p1 = mul i64 %a2, 0xCD9E8D57\n"                                         \
    "    %w0 = mul i64 %i, 0x9E3779B9\n"                                          \
    "    %w1 = mul i64 %i, 0xBB67AE85\n"                                          \
    "    %j0 = add i64 %k0, %w0\n"                                                \
    "    %j1 = add i64 %k1, %w1\n"                                                \
    "    %h0 = lshr i64 %p0, 32\n"                                                \
    "    %h1 = lshr i64 %p1, 32\n"                                                \
    "    %x0 = xor i64 %h1, %a1\n"                                                \
    "    %x2 = xor i64 %h0, %a3\n"                                                \
    "    %y0 = xor i64 %x0, %j0\n"                                                \
    "    %y2 = xor i64 %x2, %j1\n"                                                \
    "    %n0 = and i64 %y0, %m\n"                                                 \
    "    %n1 = and i64 %p1, %m\n"                                                 \
    "    %n2 = and i64 %y2, %m\n"                                                 \
    "    %n3 = and i64 %p0, %m\n"                                                 \
    "    set %c0, %n0\n"                                                          \
    "    set %c1, %n1\n"                                                          \
    "    set %c2, %n2\n"                                                          \
    "    set %c3, %n3\n"                                                          \
    "  }\n"                                                                       \
    "  %r0 = get i64 %c0\n"                                                       \
    "  %r1 = get i64 %c1\n"                                                       \
    "  %r2 = get i64 %c2\n"                                                       \
    "  %r3 = get i64 %c3\n"

static const char philox[] =
    "function pipec_philox_i32(%key i64, %id i64, %site i32, %e i64) -> i32 {\n"
    "  %block = lshr i64 %e, 2\n"
    PHILOX_ROUNDS
    "  %e0 = and i64 %e, 1\n"
    "  %e1 = and i64 %e, 2\n"
    "  %odd = ne i1 %e0, 0\n"
    "  %high = ne i1 %e1, 0\n"
    "  %s0 = select i64 %odd, %r1, %r0\n"
    "  %s1 = select i64 %odd, %r3, %r2\n"
    "  %s = select i64 %high, %s1, %s0\n"
    "  %r = trunc i32 %s\n"
    "  return %r\n"
    "}\n"
    "function pipec_philox_i64(%key i64, %id i64, %site i32, %e i64) -> i64 {\n"
    "  %block = lshr i64 %e, 1\n"
    PHILOX_ROUNDS
    "  %e0 = and i64 %e, 1\n"
    "  %odd = ne i1 %e0, 0\n"
    "  %lo = select i64 %odd, %r2, %r0\n"
    "  %hi = select i64 %odd, %r3, %r1\n"
    "  %up = shl i64 %hi, 32\n"
    "  %r = or i64 %up, %lo\n"
    "  return %r\n"
    "}\n";

/* pk_alloc, for an amount that may be anything. */
static const char alloc[] =
    "function pipec_alloc(%call ptr, %bytes i64) -> ptr {\n"
    "  %up = add i64 %bytes, 63\n"
    "  %size = and i64 %up, -64\n"
    "  %at = load ptr %call\n"
    "  %pend = offset %call, 1 scale 8\n"
    "  %end = load ptr %pend\n"
    "  %a = bitcast i64 %at\n"
    "  %b = bitcast i64 %end\n"
    "  %room = sub i64 %b, %a\n"
    "  %small = ult i1 %bytes, 0x4000000000000000\n"
    "  %fits = ule i1 %size, %room\n"
    "  %ok = and i1 %small, %fits\n"
    "  if %ok {\n"
    "    %next = offset %at, %size scale 1\n"
    "    store ptr %next, %call\n"
    "    return %at\n"
    "  }\n"
    "  if %small {\n"
    "    %pmore = offset %call, 2 scale 8\n"
    "    %more = load ptr %pmore\n"
    "    %r = call_at ptr %more as @pipec_more(%call, %size)\n"
    "    return %r\n"
    "  }\n"
    "  %null = const ptr 0\n"
    "  return %null\n"
    "}\n";

const LoopModule *loops_support(Arena *arena) {
    const char *error;
    char *text = arena_format(arena,
                              "module \"support\"\n"
                              "extern pipec_more(ptr, i64) -> ptr\n"
                              "%s%s%s%s%s",
                              fma_f32, fma_f64_parts, fma_f64, philox, alloc);
    LoopModule *module = parse_loops(arena, text, strlen(text), &error);
    if (!module) bug("support code: %s", error);
    verify_loops(module, "parsing support code");
    return module;
}
