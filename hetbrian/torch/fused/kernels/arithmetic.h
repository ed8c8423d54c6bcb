// Functions of generated statements; FUNCTION marks them for the compiler, real is float or double.
// Times are double, everything else is real; a truth value counts as 0 or 1.
FUNCTION double number(double x) { return x; }
FUNCTION float number(float x) { return x; }
FUNCTION real number(bool x) { return real(x); }
template <typename A, typename B> FUNCTION real power(A a, B b) { return pow(real(a), real(b)); }
template <typename A, typename B> FUNCTION auto modulo(A a, B b) { return a - b*floor(number(a)/number(b)); }
FUNCTION real sign(real x) { return real(x > 0) - real(x < 0); }
FUNCTION real exprel(real x) { return fabs(x) < real(1e-8) ? 1 + x/2 : x > 0 && x == 2*x ? x : expm1(x)/x; }
// As numpy: nan stays, and if the bounds cross, the upper one holds
FUNCTION real clip(real x, real low, real high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}
FUNCTION real exprel_derivative(real x) {
    return fabs(x) < real(1e-3) ? real(0.5) + x/3 + x*x/8 : (exp(x)*(x - 1) + 1)/(x*x);
}
