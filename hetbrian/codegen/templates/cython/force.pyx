{# ITERATE_ALL { _idx } #}
{# USES_VARIABLES { N, t, dt, t_in_timesteps, z, y, start, stop, _every, initial_P, forgetting, n_updates, _weights,
                    _activity, _P, _tiles, _c, _gain, _n_neurons, _n_weights, _n_outputs, largest_output, _largest, _trouble,
                    _trouble_time } #}
{# WRITES_TO_READ_ONLY_VARIABLES { z, y, n_updates, _weights, _P, _tiles, _c, _gain, _largest, _trouble, _trouble_time } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include "rls.h" %}
{% include "limits.h" %}
{% if random %}
{% include "intervals.h" %}
{% endif %}
{% if filter %}
{% include "filter.h" %}
{% include "event_rls.h" %}
{% endif %}

    """
    int _trouble_of "hetbrian::trouble"[I](double*, double*, int, double, I, I, double*)
    double _squared_length "hetbrian::squared_length"[A](A*, int, bool)
    {% if random %}
    void _tick "hetbrian::tick"[I](int64_t, I*, I*, I*, I*, int64_t)
    {% endif %}
    void _readout "hetbrian::readout"[A](double*, A*, size_t, size_t, size_t, double*)
    void _feedback_currents "hetbrian::feedback"[A](double*, double*, size_t, size_t, A*)
    bool _rls_step "hetbrian::rls_step"[T, I, A](
        T*, T*, double*, I*, I*, A*, double*, double*, double*, size_t, size_t, size_t, double, double, bool, int)
    {% if filter %}
    bool _adaptive_step "hetbrian::adaptive_step"[T, I, A](
        T*, T*, T*, double*, double*, double*, I*, size_t, size_t, T*, double*, I*, I*, A*, A*, int, double*, int,
        double*, double*, double*, size_t, size_t, size_t, double, double, bool, int)
    {% endif %}
{% endblock %}
{% block maincode %}
    {% if filter %}
    cdef double[{{filter.step|length}}] _step = [{{filter.step|join(', ')}}]
    {% endif %}
    cdef int _network, _found
    cdef int32_t _before
    cdef double _length
    cdef bool _has_trouble = False, _is_finite
    # whether it learns, and the target
    _vectorisation_idx = 1
    {{scalar_code|autoindent}}
    for _idx in range(N):
        _vectorisation_idx = _idx
        {{vector_code|autoindent}}
    {# what belongs to a network is a part of each array, all of the same length #}
    {% macro own(name) %}({{get_array_name(variables[name])}} + <size_t>_network*{{variables[name].size // networks}}){% endmacro %}
    for _network in range({{networks}}):
        _readout({{own('_weights')}}, {{own('_activity')}}, _n_neurons, _n_weights, _n_outputs, {{own('z')}})
        {% if feedback %}
        _feedback_currents({{own('_encoder')}}, {{own('z')}}, _n_neurons, _n_outputs, {{own('_feedback')}})
        {% endif %}
        if not _is_due:
            continue
        _found = _trouble_of(
            {{own('z')}}, {{own('y')}}, _n_outputs, {{largest_output}}, {{n_updates}}, <int32_t>{{limits.first}},
            {{own('_largest')}})
        if {{n_updates}} == 0 and {{own('initial_P')}}[0] == 0:  # "auto"
            _length = _squared_length({{own('_activity')}}, _n_neurons, _n_weights > _n_neurons)
            if _length > 0:
                {{own('initial_P')}}[0] = {{limits.share}}/_length
            else:
                _found = {{limits.silent}}
        {{own('_trouble')}}[0] = _found
        if _found:
            {{own('_trouble_time')}}[0] = {{t}}
            _has_trouble = True
    if _has_trouble:
        _owner.check()
    if _is_due:
        _is_finite = True
        for _network in range({{networks}}):
            _before = {{n_updates}}
            {% if filter %}
            if not _adaptive_step(
                    {{own('_P')}}, {{own('_waiting')}}, {{own('_products')}}, {{own('_seen')}}, {{own('_gains')}},
                    {{own('_scale')}}, {{own('_counts')}}, {{filter.capacity}}, {{filter.length}}, {{own('_c')}},
                    {{own('_gain')}}, &_before, {{own('_tiles')}}, {{own('_activity')}}, {{own('_second')}},
                    {{filter.n_states}}, _step, {{_every}}, {{own('_weights')}}, {{own('z')}}, {{own('y')}}, _n_neurons,
                    _n_weights, _n_outputs, {{own('initial_P')}}[0], {{forgetting}}, {{posterior}},
                    {{threads if networks == 1 else 1}}):
                _is_finite = False
            {% else %}
            if not _rls_step(
                    {{own('_P')}}, {{own('_c')}}, {{own('_gain')}}, &_before, {{own('_tiles')}}, {{own('_activity')}},
                    {{own('_weights')}}, {{own('z')}}, {{own('y')}}, _n_neurons, _n_weights, _n_outputs,
                    {{own('initial_P')}}[0], {{forgetting}}, {{posterior}}, {{threads if networks == 1 else 1}}):
                _is_finite = False
            {% endif %}
        {{n_updates}} += 1
        if not _is_finite:
            _owner.stop_diverged()
    {% if random %}
    _tick({{t_in_timesteps}}, &{{_next}}, &{{_every}}, &{{_draw}}, {{_intervals}}, {{n_intervals}})
    {% endif %}
{% endblock %}
