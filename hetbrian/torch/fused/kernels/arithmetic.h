// Functions of generated statements; FUNCTION marks them for the compiler, real is float or double.
template <typename A, typename B> FUNCTION real power(A a, B b) { return pow(real(a), real(b)); }
template <typename A, typename B> FUNCTION real modulo(A a, B b) { return a - b*floor(real(a)/real(b)); }
FUNCTION real sign(real x) { return real(x > 0) - real(x < 0); }
FUNCTION real exprel(real x) { return fabs(x) < real(1e-8) ? 1 + x/2 : expm1(x)/x; }
FUNCTION real exprel_derivative(real x) {
    return fabs(x) < real(1e-3) ? real(0.5) + x/3 + x*x/8 : (exp(x)*(x - 1) + 1)/(x*x);
}

// The row of a TimedArray, whose time step is divided into parts: Brian2 rounds to one of them
FUNCTION int64_t table_row(double time, double part, int subdivision, int64_t n_rows) {
    const int64_t row = (int64_t)nearbyint(time/part)/subdivision;
    return row < 0 ? 0 : row < n_rows ? row : n_rows - 1;
}
