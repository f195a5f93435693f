/* The matrix products of BLAS, by lapidary. Names, arguments and behaviour are those of the reference BLAS. */
#ifndef LAPIDARY_CBLAS_H
#define LAPIDARY_CBLAS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Define LAPIDARY_ILP64 if the library was built with the feature ilp64. */
#ifdef LAPIDARY_ILP64
typedef int64_t lapidary_int;
#else
typedef int32_t lapidary_int;
#endif

/* A program may include another cblas.h as well. */
#ifndef CBLAS_H
#define CBLAS_H
typedef enum { CblasRowMajor = 101, CblasColMajor = 102 } CBLAS_LAYOUT;
typedef enum { CblasNoTrans = 111, CblasTrans = 112, CblasConjTrans = 113 } CBLAS_TRANSPOSE;

/* C <- alpha op(A) op(B) + beta C with op(A) m x k, op(B) k x n and C m x n. */
void cblas_sgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, lapidary_int m, lapidary_int n,
                 lapidary_int k, float alpha, const float *a, lapidary_int lda, const float *b, lapidary_int ldb, float beta,
                 float *c, lapidary_int ldc);
void cblas_dgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, lapidary_int m, lapidary_int n,
                 lapidary_int k, double alpha, const double *a, lapidary_int lda, const double *b, lapidary_int ldb,
                 double beta, double *c, lapidary_int ldc);
/* Complex numbers are pairs of a real and an imaginary part. */
void cblas_cgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, lapidary_int m, lapidary_int n,
                 lapidary_int k, const void *alpha, const void *a, lapidary_int lda, const void *b, lapidary_int ldb,
                 const void *beta, void *c, lapidary_int ldc);
void cblas_zgemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, lapidary_int m, lapidary_int n,
                 lapidary_int k, const void *alpha, const void *a, lapidary_int lda, const void *b, lapidary_int ldb,
                 const void *beta, void *c, lapidary_int ldc);

/* y <- alpha op(A) x + beta y with A m x n. */
void cblas_sgemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans, lapidary_int m, lapidary_int n, float alpha, const float *a,
                 lapidary_int lda, const float *x, lapidary_int incx, float beta, float *y, lapidary_int incy);
void cblas_dgemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans, lapidary_int m, lapidary_int n, double alpha, const double *a,
                 lapidary_int lda, const double *x, lapidary_int incx, double beta, double *y, lapidary_int incy);

/* Told of a wrong argument, by its number. A program may define its own. */
void cblas_xerbla(lapidary_int argument, const char *function, const char *form, ...);
#endif

/* The same for Fortran: by columns, everything by reference. */
void sgemm_(const char *trans_a, const char *trans_b, const lapidary_int *m, const lapidary_int *n, const lapidary_int *k,
            const float *alpha, const float *a, const lapidary_int *lda, const float *b, const lapidary_int *ldb,
            const float *beta, float *c, const lapidary_int *ldc);
void dgemm_(const char *trans_a, const char *trans_b, const lapidary_int *m, const lapidary_int *n, const lapidary_int *k,
            const double *alpha, const double *a, const lapidary_int *lda, const double *b, const lapidary_int *ldb,
            const double *beta, double *c, const lapidary_int *ldc);
void cgemm_(const char *trans_a, const char *trans_b, const lapidary_int *m, const lapidary_int *n, const lapidary_int *k,
            const void *alpha, const void *a, const lapidary_int *lda, const void *b, const lapidary_int *ldb,
            const void *beta, void *c, const lapidary_int *ldc);
void zgemm_(const char *trans_a, const char *trans_b, const lapidary_int *m, const lapidary_int *n, const lapidary_int *k,
            const void *alpha, const void *a, const lapidary_int *lda, const void *b, const lapidary_int *ldb,
            const void *beta, void *c, const lapidary_int *ldc);
void sgemv_(const char *trans, const lapidary_int *m, const lapidary_int *n, const float *alpha, const float *a,
            const lapidary_int *lda, const float *x, const lapidary_int *incx, const float *beta, float *y,
            const lapidary_int *incy);
void dgemv_(const char *trans, const lapidary_int *m, const lapidary_int *n, const double *alpha, const double *a,
            const lapidary_int *lda, const double *x, const lapidary_int *incx, const double *beta, double *y,
            const lapidary_int *incy);

/* Told of a wrong argument, by its number; the function's name has six characters. A program may define its own. */
void xerbla_(const char *function, const lapidary_int *argument, int length);

#ifdef __cplusplus
}
#endif
#endif
