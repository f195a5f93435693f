/* Every function beside plain loops, and what wrong arguments are reported as. Prints nothing if all is right. */
#include <complex.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lapidary_cblas.h"

typedef lapidary_int Int;

static int failures = 0;
static long reported = -1;
static char reporter[64];

static void fail(const char *what, int i, int j) {
    printf("%s is wrong at %d, %d\n", what, i, j);
    failures++;
}

#ifndef NO_XERBLA
/* The program's own: it remembers. */
void cblas_xerbla(Int argument, const char *function, const char *form, ...) {
    (void)form;
    reported = argument;
    snprintf(reporter, sizeof reporter, "%s", function);
}

void xerbla_(const char *function, const Int *argument, int length) {
    reported = *argument;
    snprintf(reporter, sizeof reporter, "%.*s", length, function);
}
#endif

static double quarter(void) {
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return (state >> 28) / 4.0 - 2.0;
}

/* Element (i, j) of op(X): rows or columns one after the other, `ld` apart. */
static size_t at(int layout, int trans, int i, int j, int ld) {
    return (layout == 101) == (trans == 111) ? (size_t)i * ld + j : (size_t)j * ld + i;
}

enum { MOST = 40, LD = 45 };

#define PRODUCT(NAME, CBLAS, FORTRAN, TYPE, CONJ, BY_VALUE, FILL)                                                        \
    static void NAME(int layout, int ta, int tb, int m, int n, int k, TYPE alpha, TYPE beta) {                            \
        static TYPE a[LD * LD], b[LD * LD], c[LD * LD], wanted[LD * LD], again[LD * LD];                                  \
        for (int i = 0; i < LD * LD; i++) a[i] = FILL, b[i] = FILL, wanted[i] = c[i] = again[i] = beta == 0 ? NAN : FILL; \
        for (int i = 0; i < m; i++)                                                                                       \
            for (int j = 0; j < n; j++) {                                                                                 \
                TYPE sum = 0, *to = &wanted[at(layout, 111, i, j, LD)];                                                   \
                for (int p = 0; p < k; p++) {                                                                             \
                    TYPE x = a[at(layout, ta, i, p, LD)], y = b[at(layout, tb, p, j, LD)];                                \
                    sum += (ta == 113 ? CONJ(x) : x) * (tb == 113 ? CONJ(y) : y);                                         \
                }                                                                                                         \
                *to = alpha * sum + (beta == 0 ? 0 : beta * *to);                                                         \
            }                                                                                                             \
        CBLAS(layout, ta, tb, m, n, k, BY_VALUE(alpha), a, LD, b, LD, BY_VALUE(beta), c, LD);                             \
        for (int i = 0; i < LD * LD; i++)                                                                                 \
            if (!(c[i] == wanted[i]) && !(c[i] != c[i] && wanted[i] != wanted[i])) fail(#CBLAS, i / LD, i % LD);          \
        if (layout == 101) return;                                                                                        \
        Int M = m, N = n, K = k, ld = LD;                                                                                 \
        const char *ops = "NTC";                                                                                          \
        FORTRAN(ops + ta - 111, ops + tb - 111, &M, &N, &K, &alpha, a, &ld, b, &ld, &beta, again, &ld);                   \
        for (int i = 0; i < LD * LD; i++)                                                                                 \
            if (!(again[i] == c[i]) && !(again[i] != again[i] && c[i] != c[i])) fail(#FORTRAN, i / LD, i % LD);           \
    }

#define REAL(x) (x)
#define REFERENCE(x) (&(x))
PRODUCT(check_s, cblas_sgemm, sgemm_, float, REAL, REAL, quarter())
PRODUCT(check_d, cblas_dgemm, dgemm_, double, REAL, REAL, quarter())
PRODUCT(check_c, cblas_cgemm, cgemm_, float complex, conjf, REFERENCE, quarter() + I * quarter())
PRODUCT(check_z, cblas_zgemm, zgemm_, double complex, conj, REFERENCE, quarter() + I * quarter())

#define VECTOR(NAME, CBLAS, FORTRAN, TYPE)                                                                        \
    static void NAME(int layout, int trans, int m, int n, int incx, int incy, TYPE alpha, TYPE beta) {            \
        static TYPE a[LD * LD], x[3 * LD], y[3 * LD], wanted[3 * LD], again[3 * LD];                              \
        for (int i = 0; i < LD * LD; i++) a[i] = quarter();                                                       \
        for (int i = 0; i < 3 * LD; i++) x[i] = quarter(), y[i] = wanted[i] = again[i] = quarter();               \
        int rows = trans == 111 ? m : n, cols = trans == 111 ? n : m;                                             \
        for (int i = 0; i < rows && cols > 0; i++) {                                                              \
            TYPE sum = 0, *to = &wanted[incy < 0 ? (i - rows + 1) * incy : i * incy];                             \
            for (int p = 0; p < cols; p++)                                                                        \
                sum += a[at(layout, trans, i, p, LD)] * x[incx < 0 ? (p - cols + 1) * incx : p * incx];           \
            *to = alpha * sum + (beta == 0 ? 0 : beta * *to);                                                     \
        }                                                                                                         \
        CBLAS(layout, trans, m, n, alpha, a, LD, x, incx, beta, y, incy);                                         \
        for (int i = 0; i < 3 * LD; i++)                                                                          \
            if (y[i] != wanted[i]) fail(#CBLAS, i, trans);                                                        \
        if (layout == 101) return;                                                                                \
        Int M = m, N = n, ld = LD, ix = incx, iy = incy;                                                          \
        FORTRAN("NTC" + trans - 111, &M, &N, &alpha, a, &ld, x, &ix, &beta, again, &iy);                          \
        for (int i = 0; i < 3 * LD; i++)                                                                          \
            if (again[i] != y[i]) fail(#FORTRAN, i, trans);                                                       \
    }
VECTOR(check_sv, cblas_sgemv, sgemv_, float)
VECTOR(check_dv, cblas_dgemv, dgemv_, double)

#ifndef NO_XERBLA
/* The call must report the argument, and leave C alone. */
#define WRONG(ARGUMENT, NAME, CALL)                                                                     \
    do {                                                                                                \
        reported = -1;                                                                                  \
        CALL;                                                                                           \
        if (reported != (ARGUMENT) || strcmp(reporter, NAME)) {                                         \
            printf("%s: argument %ld of %s was reported\n", #CALL, reported, reporter);                 \
            failures++;                                                                                 \
        }                                                                                               \
        for (int i = 0; i < 16; i++)                                                                    \
            if (c[i] != 7) fail(#CALL, i, 0);                                                           \
    } while (0)

static void check_errors(void) {
    float a[16] = {0}, b[16] = {0}, c[16], one[2] = {1, 0};
    for (int i = 0; i < 16; i++) c[i] = 7;
    const char *gemm = "cblas_sgemm", *gemv = "cblas_sgemv";
    WRONG(1, gemm, cblas_sgemm(100, 111, 111, 2, 2, 2, 1, a, 2, b, 2, 0, c, 2));
    WRONG(2, gemm, cblas_sgemm(101, 110, 111, 2, 2, 2, 1, a, 2, b, 2, 0, c, 2));
    WRONG(3, gemm, cblas_sgemm(101, 111, 114, 2, 2, 2, 1, a, 2, b, 2, 0, c, 2));
    for (int layout = 101; layout <= 102; layout++) {
        WRONG(4, gemm, cblas_sgemm(layout, 111, 111, -1, 2, 2, 1, a, 2, b, 2, 0, c, 2));
        WRONG(5, gemm, cblas_sgemm(layout, 111, 111, 2, -1, 2, 1, a, 2, b, 2, 0, c, 2));
        WRONG(6, gemm, cblas_sgemm(layout, 111, 111, 2, 2, -1, 1, a, 2, b, 2, 0, c, 2));
        WRONG(9, gemm, cblas_sgemm(layout, 111, 111, 2, 2, 2, 1, a, 1, b, 2, 0, c, 2));
        WRONG(11, gemm, cblas_sgemm(layout, 111, 111, 2, 2, 2, 1, a, 2, b, 1, 0, c, 2));
        WRONG(14, gemm, cblas_sgemm(layout, 111, 111, 2, 2, 2, 1, a, 2, b, 2, 0, c, 1));
        WRONG(layout == 101 ? 5 : 4, gemm, cblas_sgemm(layout, 111, 111, -1, -1, 2, 1, a, 2, b, 2, 0, c, 2));
        WRONG(13, gemm, cblas_sgemm(layout, 111, 111, 2, 2, 2, 1, c, 2, b, 2, 0, c, 2));
        WRONG(9, "cblas_cgemm", cblas_cgemm(layout, 111, 111, 2, 2, 2, one, a, 0, b, 2, one, c, 2));
        WRONG(2, gemv, cblas_sgemv(layout, 0, 2, 2, 1, a, 2, b, 1, 0, c, 1));
        WRONG(3, gemv, cblas_sgemv(layout, 111, -1, 2, 1, a, 2, b, 1, 0, c, 1));
        WRONG(4, gemv, cblas_sgemv(layout, 111, 2, -1, 1, a, 2, b, 1, 0, c, 1));
        WRONG(7, gemv, cblas_sgemv(layout, 111, 2, 2, 1, a, 1, b, 1, 0, c, 1));
        WRONG(9, gemv, cblas_sgemv(layout, 111, 2, 2, 1, a, 2, b, 0, 0, c, 1));
        WRONG(12, gemv, cblas_sgemv(layout, 111, 2, 2, 1, a, 2, b, 1, 0, c, 0));
    }
    Int two = 2, less = -1, zero = 0;
    WRONG(1, "SGEMM ", sgemm_("X", "N", &two, &two, &two, one, a, &two, b, &two, one, c, &two));
    WRONG(2, "SGEMM ", sgemm_("n", "X", &two, &two, &two, one, a, &two, b, &two, one, c, &two));
    WRONG(3, "SGEMM ", sgemm_("N", "t", &less, &two, &two, one, a, &two, b, &two, one, c, &two));
    WRONG(8, "SGEMM ", sgemm_("N", "N", &two, &two, &two, one, a, &zero, b, &two, one, c, &two));
    WRONG(10, "SGEMM ", sgemm_("N", "N", &two, &two, &two, one, a, &two, b, &zero, one, c, &two));
    WRONG(13, "CGEMM ", cgemm_("N", "C", &two, &two, &two, one, a, &two, b, &two, one, c, &zero));
    WRONG(6, "SGEMV ", sgemv_("N", &two, &two, one, a, &zero, b, &two, one, c, &two));
    WRONG(11, "SGEMV ", sgemv_("N", &two, &two, one, a, &two, b, &two, one, c, &zero));
}
#endif

int main(void) {
    const int sizes[][3] = {{1, 1, 1}, {2, 3, 4}, {7, 1, 5}, {1, 9, 30}, {33, 40, 17}, {5, 5, 0}, {0, 3, 3}, {40, 40, 40}};
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
        for (int layout = 101; layout <= 102; layout++)
            for (int ta = 111; ta <= 113; ta++)
                for (int scalars = 0; scalars < 4; scalars++) {
                    double alpha = scalars == 1 ? 0 : scalars == 2 ? -0.5 : 1, beta = scalars == 0 ? 0 : 1 - scalars / 2.0;
                    for (int tb = 111; tb <= 113; tb++) {
                        check_s(layout, ta, tb, m, n, k, alpha, beta);
                        check_d(layout, ta, tb, m, n, k, alpha, beta);
                        check_c(layout, ta, tb, m, n, k, alpha + I * (scalars % 2), beta);
                        check_z(layout, ta, tb, m, n, k, alpha, beta - I * (scalars / 2));
                    }
                    for (int inc = 0; inc < 9; inc++) {
                        const int strides[] = {1, -1, 2};
                        check_sv(layout, ta, m, n, strides[inc / 3], strides[inc % 3], alpha, beta);
                        check_dv(layout, ta, m, n, strides[inc / 3], strides[inc % 3], alpha, beta);
                    }
                }
    }
#ifndef NO_XERBLA
    check_errors();
#else
    /* The library's own report, and life goes on. */
    float x[4] = {1, 2, 3, 4}, c[4] = {0};
    cblas_sgemm(101, 111, 111, 2, 2, 2, 1, x, 1, x, 2, 0, c, 2);
    Int two = 2, zero = 0;
    float one = 1;
    sgemm_("N", "N", &two, &two, &two, &one, x, &two, x, &zero, &one, c, &two);
#endif
    return failures > 0;
}
