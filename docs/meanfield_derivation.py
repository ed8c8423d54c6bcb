"""Derive the mean field (Eqs. 8-11) step by step and check every step with sympy.

Run it: ``python docs/meanfield_derivation.py``. It prints what it has shown and fails otherwise.

1. One neuron class. Neurons with the same eta and g obey v' = v^2 - alpha v - w + eta + I + g s (e_r - v).
   For infinitely many of them, with v_peak = -v_reset -> infinity, the density rho(v, t) obeys the continuity
   equation. The Lorentzian ansatz rho = x/pi / ((v - y)^2 + x^2) solves it, for every w, s and I in time.
2. Rate. The flux at v -> infinity is the firing rate of the class, x/pi. The principal-value mean of v is y.
3. Average over eta. z = x + i y obeys a complex Riccati equation that is analytic in eta, so the average over a
   Lorentzian distribution of eta is the value at its pole, eta -> eta_bar - i Delta_eta. The lower half plane
   is the one in which x stays positive: x' = Delta_eta > 0 at x = 0.
4. Average over g. The same with g -> g_bar - i sigma Delta_g, sigma = 1 or -1. There x' = sigma Delta_g s (e_r - v)
   at x = 0, whose sign changes with e_r - v: neither half plane keeps x positive for all v, so for Delta_g > 0
   the closure is an approximation and the sign is a choice.
5. Recovery current. w is replaced by its mean over the population: <w'> = a (b <v> - <w>) + w_jump r, a second
   approximation that is good when w changes slowly.
6. Gating. All neurons share s, which every spike raises by s_jump/N: s' = -s/tau_s + s_jump r.

References
----------
Montbrio, Pazo & Roxin 2015, doi 10.1103/PhysRevX.5.021028 (the ansatz);
Chen & Campbell 2022, doi 10.1007/s10827-022-00825-9 (adaptation and conductances).
"""

import sympy
from sympy import I, im, oo, pi, re

v, t = sympy.symbols("v t", real=True)
alpha, g, s, e_r, w, eta, I_ext = sympy.symbols("alpha g s e_r w eta I_ext", real=True)
Delta_eta, Delta_g, sigma, y0 = sympy.symbols("Delta_eta Delta_g sigma y", real=True)
x0 = sympy.Symbol("x", positive=True)


def class_equations():
    """Step 1: return x' and y' of a class, after checking them against the continuity equation."""
    x, y = sympy.Function("x", positive=True)(t), sympy.Function("y", real=True)(t)
    density = x / pi / ((v - y) ** 2 + x**2)
    velocity = v**2 - alpha * v - w + eta + I_ext + g * s * (e_r - v)
    linear, constant = -(alpha + g * s), -w + eta + I_ext + g * s * e_r
    change = {x.diff(t): 2 * x * y + linear * x, y.diff(t): constant - x**2 + y**2 + linear * y}
    residual = density.diff(t) + (density * velocity).diff(v)
    assert sympy.simplify(residual.subs(change)) == 0
    flux = sympy.limit((density * velocity).subs({x: x0, y: y0}), v, oo)
    assert sympy.simplify(flux - x0 / pi) == 0  # step 2: the rate
    return tuple(change[f.diff(t)].subs({x: x0, y: y0}) for f in (x, y))


def riccati(eta_pole, g_pole):
    """Return z' of z = x + i y, analytic in eta and g."""
    z = x0 + I * y0
    return sympy.expand(I * (-w + eta_pole + I_ext + g_pole * s * e_r) - I * z**2 - (alpha + g_pole * s) * z)


def population_equations():
    """Steps 3 and 4: return r' and v' at the poles of both distributions, with x = pi r and y = v."""
    r = sympy.Symbol("r", positive=True)
    z = riccati(eta - I * Delta_eta, g - I * sigma * Delta_g).subs({x0: pi * r, y0: v})
    return sympy.expand(re(z) / pi), sympy.expand(im(z))


def package_equations():
    """Return the right-hand side that the package integrates, in units of time."""
    from hetbrian.analysis.meanfield import MeanField

    return {
        name: expression.subs(sympy.Symbol("time_unit", real=True), 1)
        for name, expression in zip(MeanField.CA3.field.variables, MeanField.CA3.field.expressions, strict=True)
    }


def main():
    """Check every step and say so."""
    x_dot, y_dot = class_equations()
    print("1. the Lorentzian ansatz solves the continuity equation")
    print("2. its flux at infinity is x/pi, the firing rate")
    single = riccati(eta, g)
    assert sympy.simplify(re(single) - x_dot) == 0
    assert sympy.simplify(im(single) - y_dot) == 0
    at_zero = re(riccati(eta - I * Delta_eta, g - I * sigma * Delta_g)).subs(x0, 0)
    assert sympy.simplify(at_zero - Delta_eta - sigma * Delta_g * s * (e_r - y0)) == 0
    print("3. z = x + i y obeys a Riccati equation; at x = 0, x' = Delta_eta + sigma Delta_g s (e_r - v)")
    package = package_equations()
    real = {
        symbol: sympy.Symbol(symbol.name, real=True)
        for symbol in sympy.ordered(set().union(*(expression.free_symbols for expression in population_equations())))
    }
    for name, derived in zip("rv", population_equations(), strict=True):
        assert sympy.simplify(derived.subs(real) - package[name]) == 0, name
    print("4. at the poles of eta and g it gives r' and v' of hetbrian.analysis.meanfield.EQUATIONS")
    a, b, w_jump, tau_s, s_jump, r = sympy.symbols("a b w_jump tau_s s_jump r", real=True)
    assert sympy.simplify(package["w"] - (a * (b * v - w) + w_jump * r)) == 0
    assert sympy.simplify(package["s"] - (-s / tau_s + s_jump * r)) == 0
    print("5. w' and 6. s' are those of hetbrian.analysis.meanfield.EQUATIONS")


if __name__ == "__main__":
    main()
