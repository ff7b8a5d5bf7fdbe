/* exp, tanh and the activations, as polynomials that every CPU computes to the same bits. */

#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include "floats.h"
#include "weave.h"

/* exp(x) for x <= 0; below -87 it is exp(-87).

   x = n ln 2 + r with a whole n and |r| <= ln(2) / 2: exp(x) = 2^n exp(r). Adding 1.5 * 2^23 rounds to a whole number,
   which then stands in the lowest bits. ln 2 is subtracted in two parts, so that no bit of r is lost, and exp(r) is the
   polynomial of Cephes' expf (Moshier 1989), within 1 unit of the last place or two. */
INLINE floats v_exp(floats x) {
    const floats to_whole = v_set(12582912.0f);
    x = v_max(x, v_set(-87.0f));
    floats shifted = v_fma(x, v_set(1.44269504f), to_whole), n = v_sub(shifted, to_whole);
    floats r = v_fnma(n, v_set(0.693359375f), x);
    r = v_fnma(n, v_set(-2.12194440e-4f), r);
    floats p = v_set(1.9875691500e-4f);
    p = v_fma(p, r, v_set(1.3981999507e-3f));
    p = v_fma(p, r, v_set(8.3334519073e-3f));
    p = v_fma(p, r, v_set(4.1665795894e-2f));
    p = v_fma(p, r, v_set(1.6666665459e-1f));
    p = v_fma(p, r, v_set(5.0000001201e-1f));
    p = v_fma(v_mul(r, r), p, v_add(r, v_set(1.0f)));
    return v_scale_by_power(p, shifted);
}

/* -1 or 1, the sign of x; x itself times 1e38 where that is between them, which no float32 above 1e-38 is. */
INLINE floats v_sign(floats x) { return v_min(v_max(v_mul(x, v_set(1e38f)), v_set(-1.0f)), v_set(1.0f)); }

/* tanh(x) = (1 - e) / (1 + e) with e = exp(-2 |x|), and the sign of x; within 2e-7. */
INLINE floats v_tanh(floats x) {
    floats magnitude = v_max(x, v_sub(v_set(0.0f), x));
    floats e = v_exp(v_mul(magnitude, v_set(-2.0f)));
    return v_mul(v_div(v_sub(v_set(1.0f), e), v_add(v_set(1.0f), e)), v_sign(x));
}

/* The polynomial of erf(y / sqrt 2) / y in s = 2 (y / ERF_LIMIT)^2 - 1, highest power first, that meets the function in
   the Chebyshev points of -1 <= s <= 1 (numpy's chebinterpolate of degree 11, then cheb2poly). Beyond the limit, erf is 1
   but for 1.3e-6; the error is 2.7e-6 at most. */
enum { ERF_TERMS = 12 };
#define ERF_LIMIT 4.85f
static const float ERF[ERF_TERMS] = {
    -2.126366831e-03f, 4.978904035e-03f,  -4.613844212e-03f, 7.937271148e-03f,  -1.906239055e-02f, 3.122949041e-02f,
    -4.422468320e-02f, 6.127673760e-02f,  -8.122953773e-02f, 1.051983833e-01f,  -1.445926130e-01f, 2.914136648e-01f,
};

/* erf(y / sqrt 2) of `count` vectors, step by step side by side, as one step waits for the one before. */
INLINE void v_erf(const int count, const floats *y, floats *result, weave *weave) {
    floats s[MOST_ROWS], p[MOST_ROWS];
    UNROLL for (int i = 0; i < count; i++) result[i] = v_max(v_min(y[i], v_set(ERF_LIMIT)), v_set(-ERF_LIMIT));
    weave_next(weave);
    UNROLL for (int i = 0; i < count; i++) {
        s[i] = v_fma(v_mul(result[i], result[i]), v_set((float)(2 / (4.85 * 4.85))), v_set(-1.0f));
        p[i] = v_set(ERF[0]);
    }
    UNROLL for (int term = 1; term < ERF_TERMS; term++) {
        UNROLL for (int i = 0; i < count; i++) p[i] = v_fma(p[i], s[i], v_set(ERF[term]));
        if (term % 3 == 0) weave_next(weave);
    }
    UNROLL for (int i = 0; i < count; i++) result[i] = v_mul(result[i], p[i]);
    weave_next(weave);
}

/* What an activation multiplies: activation(y) = y/2 * g(y) + y/2, with g = erf(y / sqrt 2) for GELU (Hendrycks and
   Gimpel 2016, arXiv 1606.08415), their tanh for its approximation, the sign for ReLU. */
INLINE void activation_gates(const int count, const int activation, const floats *y, floats *gates, weave *weave) {
    if (activation == GELU_ERF) {
        v_erf(count, y, gates, weave);
    } else if (activation == GELU_TANH) {
        for (int i = 0; i < count; i++) {
            floats cube = v_mul(v_mul(y[i], y[i]), y[i]);
            gates[i] = v_tanh(v_mul(v_set(0.79788456f), v_fma(v_set(0.044715f), cube, y[i])));
        }
    } else {
        for (int i = 0; i < count; i++) gates[i] = v_sign(y[i]);
    }
}

#endif
